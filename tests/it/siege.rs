//! A short run of the attacks in `examples/siege`: bounds and statuses, no times.

use std::process::Command;

use crate::support::backend::server_url;
use crate::support::example::{example, reported};

/// All attacks and checks. What single requests cost says little of a program without optimisation.
const ATTACKS: &str = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,checks";

fn attacked(database: &str) {
    let program = env!("CARGO_BIN_EXE_tasks-management");
    let run = ["attack", "--short", "--only", ATTACKS, "--database", database, "--program", program];
    let output = Command::new(example("siege")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(reported(&output, "violations"), 0);
}

mod who_attacks_takes_nothing_from_others_and_no_acknowledged_decision_is_lost {
    use super::*;

    #[test]
    fn sqlite() {
        attacked("sqlite");
    }

    #[test]
    fn postgres() {
        attacked(&server_url());
    }
}
