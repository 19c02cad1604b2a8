//! A short run of the fuzzer in `examples/siege`: whatever is sent, no answer is a fault of the server.

use std::process::Command;

use crate::support::backend::server_url;
use crate::support::example::{example, reported};

fn fuzzed(database: &str) {
    let program = env!("CARGO_BIN_EXE_tasks-management");
    // Always the same requests, so that the suite shows what a change has broken. A long run makes new ones each time.
    let requests = ["--requests", "2000", "--seed", "12"];
    let run = [&["fuzz", "--database", database, "--program", program], &requests[..]].concat();
    let output = Command::new(example("siege")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((reported(&output, "faults"), reported(&output, "panics")), (0, 0));
    let counts = ["answered  ", "answered with errors", "refused"].map(|what| reported(&output, what));
    assert_eq!(counts.iter().sum::<u64>(), 2_000);
    // Requests that are refused at the door say little about the code behind it.
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

mod two_thousand_requests_made_from_the_schema_are_answered_well_formed_and_without_a_fault_of_the_server {
    use super::*;

    #[test]
    fn sqlite() {
        fuzzed("sqlite");
    }

    #[test]
    fn postgres() {
        fuzzed(&server_url());
    }
}
