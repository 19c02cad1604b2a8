//! The desk, as people use it: a real browser before the real server.

mod acting;
mod browser;
mod files;
mod lists;
mod seeing;
mod world;
