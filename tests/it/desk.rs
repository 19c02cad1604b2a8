//! The desk, as people use it: a real browser before the real server.

mod acting;
mod browser;
mod claims;
mod files;
mod following;
mod hosting;
mod histories;
mod lists;
mod newcomer;
mod reading;
mod seeing;
mod talking;
mod triage;
mod world;
