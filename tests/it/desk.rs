//! The desk, as people use it: a real browser before the real server.

mod acting;
mod browser;
mod claims;
mod deciding;
mod files;
mod focus;
mod following;
mod histories;
mod hosting;
mod landing;
mod lists;
mod newcomer;
mod passwords;
mod reading;
mod runs;
mod seeing;
mod talking;
mod triage;
mod troubles;
mod world;
