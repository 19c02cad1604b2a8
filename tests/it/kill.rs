//! A short run of the proof in `examples/kill`: servers are killed under load, and nothing that was acknowledged is lost.

use std::process::Command;

use crate::support::backend::server_url;
use crate::support::example::{example, reported};

fn killed(database: &str) {
    let run = ["run", "--kills", "5", "--database", database];
    let output = Command::new(example("kill")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(&output, "kills") >= 5);
    assert!(reported(&output, "requests sent again: no answer") > 0, "nobody noticed: {output:#?}");
    assert!(reported(&output, "votes acknowledged") >= 5);
    assert!(reported(&output, "tasks completed") > 0);
    assert_eq!(reported(&output, "violations"), 0);
}

fn killed_with_timers(database: &str) {
    let run = ["timers", "--kills", "4", "--database", database];
    let output = Command::new(example("kill")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(&output, "kills") >= 4);
    // Ten tasks between kills, which may take both processes at once.
    assert!(reported(&output, "tasks acknowledged") >= 20);
    assert_eq!(reported(&output, "violations"), 0);
}

fn killed_with_functions(database: &str) {
    let run = ["functions", "--kills", "4", "--database", database];
    let output = Command::new(example("kill")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(&output, "kills") >= 4);
    assert!(reported(&output, "runs acknowledged") >= 60);
    assert!(reported(&output, "moments of the schedule") >= 1);
    // Four between kills, which may take both processes at once.
    assert!(reported(&output, "tasks decided") >= 8);
    assert_eq!(reported(&output, "violations"), 0);
}

fn killed_while_clients_listen(database: &str) {
    let run = ["live", "--kills", "4", "--changes", "300", "--listeners", "3", "--database", database];
    let output = Command::new(example("kill")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(&output, "kills") >= 4);
    assert!(reported(&output, "changes") >= 300);
    assert!(reported(&output, "connections that broke off") >= 4, "{output:#?}");
    assert_eq!(reported(&output, "violations"), 0);
}

fn killed_while_mails_are_sent(database: &str) {
    let run = ["mails", "--kills", "4", "--database", database];
    let output = Command::new(example("kill")).args(run).output().expect("it runs");
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(&output, "kills") >= 4);
    assert!(reported(&output, "mails") >= 60);
    assert!(reported(&output, "mails that went with digests") >= 10);
    assert_eq!(reported(&output, "violations"), 0);
}

mod mails_of_servers_that_are_killed_come_all_and_twice_only_with_one_message_id {
    use super::*;

    #[test]
    fn sqlite() {
        killed_while_mails_are_sent("sqlite");
    }

    #[test]
    fn postgres() {
        killed_while_mails_are_sent(&server_url());
    }
}

mod who_listens_while_servers_are_killed_misses_no_change {
    use super::*;

    #[test]
    fn sqlite() {
        killed_while_clients_listen("sqlite");
    }

    #[test]
    fn postgres() {
        killed_while_clients_listen(&server_url());
    }
}

mod runs_of_servers_that_are_killed_are_executed_once_at_most {
    use super::*;

    #[test]
    fn sqlite() {
        killed_with_functions("sqlite");
    }

    #[test]
    fn postgres() {
        killed_with_functions(&server_url());
    }
}

mod timers_of_servers_that_are_killed_act_once_each {
    use super::*;

    #[test]
    fn sqlite() {
        killed_with_timers("sqlite");
    }

    #[test]
    fn postgres() {
        killed_with_timers(&server_url());
    }
}

mod what_servers_acknowledged_before_kill_9_is_there_and_its_hooks_run_in_order_with_effects_exactly_once {
    use super::*;

    #[test]
    fn sqlite() {
        killed("sqlite");
    }

    #[test]
    fn postgres() {
        killed(&server_url());
    }
}
