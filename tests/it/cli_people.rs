//! The subcommands about people and rights.

use std::process::Output;

use serde_json::{Value, json};

use crate::cli::{line, on_each_database, with_input};
use crate::support::program::{FIXTURE, Server, run};

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn people_are_shown_blocked_renamed_and_given_roles() {
    on_each_database(|database| {
        let run = |args: &[&str]| run(&database.url, args);
        let json_of = |args: &[&str]| -> Value { serde_json::from_str(&text(&run(args))).expect("JSON") };
        run(&["load", FIXTURE]);
        let table = text(&run(&["user", "list", "--search", "exe exec1"]));
        let lines: Vec<&str> = table.lines().collect();
        assert!(
            lines.len() == 2 && lines[0].starts_with("username  name") && lines[1].starts_with("exec1"),
            "{table}"
        );
        let listed = json_of(&["user", "list", "--json"]);
        assert_eq!(listed.as_array().expect("a list").len(), 8);
        let shown = json_of(&["user", "show", "triage", "--json"]);
        assert_eq!((&shown["roles"], &shown["superuser"]), (&json!(["Task Triage"]), &json!(false)));
        assert!(text(&run(&["user", "show", "admin"])).contains("superuser    yes"));
        assert_eq!(json_of(&["user", "roles", "exec1", "--json"]), json!([{ "role": "Task Executor" }]));
        assert_eq!(
            text(&run(&["user", "revoke", "exec1", "Task Executor"])),
            "exec1 has the role Task Executor no more"
        );
        assert_eq!(
            text(&run(&["user", "revoke", "exec1", "Task Executor"])),
            "exec1 did not have the role Task Executor"
        );
        assert_eq!(text(&run(&["user", "rename", "exec1", "first"])), "exec1 is called first now");
        assert!(line(&run(&["user", "rename", "first", "exec2"])).contains("already"));
        assert!(text(&run(&["user", "block", "first"])).starts_with("first is blocked"));
        assert_eq!(json_of(&["user", "show", "first", "--json"])["active"], false);
        assert_eq!(text(&run(&["user", "unblock", "first"])), "first may log in");
        let refused = run(&["user", "block", "admin"]);
        assert!(!refused.status.success() && line(&refused).contains("no superuser left"), "{refused:?}");
        let refused = run(&["user", "revoke", "admin", "IMIS Administrator"]);
        assert!(!refused.status.success() && line(&refused).contains("no superuser left"), "{refused:?}");
        assert_eq!(json_of(&["user", "sessions", "exec2", "--json"]), json!([]));
        assert_eq!(text(&run(&["user", "sessions", "exec2", "--end"])), "ended 0 sessions");
        assert!(text(&run(&["user", "add", "robot", "--no-password"])).starts_with("added the user robot"));
        assert_eq!(json_of(&["user", "show", "robot", "--json"])["hasPassword"], false);
        let weak = with_input(&database.url, &["user", "set-password", "robot"], b"letmein123\n");
        assert!(!weak.status.success() && line(&weak).contains("commonest"), "{weak:?}");
        let acting = json_of(&["whoami", "--json"]);
        assert_eq!(
            (&acting["actsAs"], &acting["superusersWhoCanLogIn"]),
            (&json!("(system)"), &json!(["admin"]))
        );
        let history = "SELECT count(*) FROM core_historicaluserrole WHERE history_type = '-' AND history_user = \
                       '00000000-0000-4000-8000-000000000001'";
        assert_eq!(database.count(history), 1);
    });
}

#[test]
fn what_was_done_is_said_as_json_too() {
    on_each_database(|database| {
        let run = |args: &[&str]| run(&database.url, args);
        let json_of = |args: &[&str]| -> Value { serde_json::from_str(&text(&run(args))).expect("JSON") };
        run(&["load", FIXTURE]);
        let added = json_of(&["user", "add", "robot", "--no-password", "--json"]);
        assert_eq!((&added["username"], added["id"].as_str().map(str::len)), (&json!("robot"), Some(36)));
        let created = json_of(&["role", "create", "Reader", "191005", "191001", "--json"]);
        assert_eq!((&created["role"], &created["rights"]), (&json!("Reader"), &json!([191_001, 191_005])));
        for (args, expected) in [
            (
                vec!["user", "grant", "robot", "Reader"],
                json!({ "username": "robot", "role": "Reader", "granted": true }),
            ),
            (
                vec!["user", "grant", "robot", "Reader"],
                json!({ "username": "robot", "role": "Reader", "granted": false }),
            ),
            (
                vec!["user", "revoke", "robot", "Reader"],
                json!({ "username": "robot", "role": "Reader", "revoked": true }),
            ),
            (
                vec!["user", "block", "robot"],
                json!({ "username": "robot", "active": false, "groupsWithoutExecutors": [] }),
            ),
            (
                vec!["user", "unblock", "robot"],
                json!({ "username": "robot", "active": true, "groupsWithoutExecutors": [] }),
            ),
            (vec!["user", "sessions", "robot", "--end"], json!({ "username": "robot", "ended": 0 })),
            (
                vec!["user", "rename", "robot", "machine"],
                json!({ "username": "machine", "before": "robot", "id": added["id"] }),
            ),
            (vec!["role", "delete", "Reader"], json!({ "role": "Reader", "deleted": true })),
        ] {
            let args: Vec<&str> = args.into_iter().chain(["--json"]).collect();
            assert_eq!(json_of(&args), expected, "{args:?}");
        }
    });
}

#[test]
fn programs_have_users_without_passwords_and_tokens_that_are_made_listed_and_ended() {
    let folder = std::env::temp_dir().join(format!("tasks_it_programs_{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("programs.json");
    let loaded = json!({ "users": [{ "id": "11111111-2222-4333-8444-0000000000c1", "username": "importer",
        "roles": ["Task Executor"] }] });
    std::fs::write(&file, loaded.to_string()).expect("the file is written");
    on_each_database(|database| {
        let run = |args: &[&str]| run(&database.url, args);
        let json_of = |args: &[&str]| -> Value { serde_json::from_str(&text(&run(args))).expect("JSON") };
        run(&["load", FIXTURE]);
        assert!(text(&run(&["load", file.to_str().expect("UTF-8")])).starts_with("loaded 1 users"));
        assert_eq!(json_of(&["user", "show", "importer", "--json"])["hasPassword"], false);
        let made =
            json_of(&["token", "create", "importer", "nightly import", "191001", "--days", "5", "--json"]);
        let secret = made["token"].as_str().expect("a token").to_owned();
        assert!(secret.starts_with("tmt_"), "{made}");
        let said = text(&run(&["token", "create", "triage", "by hand"]));
        assert!(said.starts_with("made the token by hand, which ends ") && said.contains("tmt_"), "{said}");
        let listed = json_of(&["token", "list", "--json"]);
        assert_eq!(listed.as_array().map(Vec::len), Some(2));
        let own = json_of(&["token", "list", "--user", "importer", "--json"]);
        assert_eq!(
            (&own[0]["user"], &own[0]["name"], &own[0]["rights"], &own[0]["used"]),
            (&json!("importer"), &json!("nightly import"), &json!([191_001]), &Value::Null)
        );
        assert!(!text(&run(&["token", "list"])).contains("tmt_"), "it is not shown again");
        for (args, expected) in [
            (vec!["token", "create", "importer", "x", "190001"], "190001"),
            (vec!["token", "create", "ghost", "x"], "ghost"),
            (vec!["token", "create", "importer", "x", "--days", "0"], "expire"),
            (vec!["token", "create", "importer", "x", "--days", "4294967295"], "expire"),
            (vec!["token", "revoke", "00000000-0000-7000-8000-000000000001"], "token"),
            (vec!["token", "list", "--user", "ghost"], "ghost"),
        ] {
            let refused = run(&args);
            assert!(!refused.status.success() && line(&refused).contains(expected), "{args:?}: {refused:?}");
        }
        let server = Server::start(&database.url, &[]);
        let bearer = format!("Bearer {secret}");
        let ask = || server.graphql(&[("Authorization", &bearer)], "{ user { username rights } }", json!({}));
        assert_eq!(ask().body["data"]["user"], json!({ "username": "importer", "rights": ["191001"] }));
        for password in ["", "importer123"] {
            let refused = server.try_log_in("importer", password);
            assert!(refused.text.contains("INCORRECT_CREDENTIALS"), "{refused:?}");
        }
        let id = own[0]["token"].as_str().expect("a key");
        assert_eq!(text(&run(&["token", "revoke", id])), "ended 1 tokens");
        assert_eq!(ask().status, 401, "at once");
        assert_eq!(json_of(&["token", "list", "--user", "importer", "--json"]), json!([]));
        let log = text(&run(&["security-log"]));
        for kind in ["TOKEN_CREATED", "TOKEN_REVOKED"] {
            assert!(log.contains(kind), "{kind}: {log}");
        }
    });
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn roles_and_rights_are_shown_and_changed() {
    on_each_database(|database| {
        let run = |args: &[&str]| run(&database.url, args);
        run(&["load", FIXTURE]);
        assert_eq!(
            text(&run(&["role", "create", "Reader", "191001", "191005"])),
            "added the role Reader with 2 rights"
        );
        assert!(!run(&["role", "create", "Reader"]).status.success());
        assert!(line(&run(&["role", "create", "READER"])).contains("reads like"));
        for args in [
            vec!["role", "create", "Odd", "191001", "4711", "4712"],
            vec!["role", "set-rights", "Reader", "4712", "4711"],
        ] {
            let refused = run(&args);
            let said = line(&refused);
            assert!(!refused.status.success() && said.contains("4711, 4712: "), "{said}");
            assert!(said.contains("rights list") && said.contains("--unknown"), "{said}");
        }
        for args in [
            vec!["role", "create", "Odd", "--unknown", "--", "-1"],
            vec!["role", "set-rights", "Reader", "--unknown", "--", "191001", "0"],
        ] {
            let refused = run(&args);
            assert!(!refused.status.success() && line(&refused).contains("can't be a right"), "{refused:?}");
        }
        assert_eq!(
            text(&run(&["role", "create", "Odd", "4711", "--unknown"])),
            "added the role Odd with 1 rights"
        );
        assert_eq!(
            text(&run(&["role", "set-rights", "Reader", "191001", "191001", "191003"])),
            "Reader grants 2 rights now; granted: 191003; taken: 191005"
        );
        let refused = run(&["role", "set-rights", "Reader"]);
        assert!(!refused.status.success() && line(&refused).contains("--none"), "{refused:?}");
        assert!(!run(&["role", "set-rights", "Reader", "191001", "--none"]).status.success());
        assert_eq!(
            text(&run(&["role", "set-rights", "Reader", "--none"])),
            "Reader grants 0 rights now; taken: 191001, 191003"
        );
        let changed: Value =
            serde_json::from_str(&text(&run(&["role", "set-rights", "Reader", "191001", "--json"])))
                .expect("JSON");
        assert_eq!(changed, json!({ "role": "Reader", "rights": [191_001], "before": [] }));
        let shown: Value =
            serde_json::from_str(&text(&run(&["role", "show", "Reader", "--json"]))).expect("JSON");
        assert_eq!((&shown["rights"], &shown["users"]), (&json!([191_001]), &json!([])));
        assert!(
            text(&run(&["role", "list"])).lines().any(|line| line.starts_with("IMIS Administrator  yes"))
        );
        assert!(line(&run(&["role", "delete", "Task Executor"])).contains("5 users have it"));
        assert_eq!(text(&run(&["role", "delete", "Reader"])), "deleted the role Reader");
        assert!(line(&run(&["role", "show", "Reader"])).contains("role list"));
        let rights = text(&run(&["rights", "list"]));
        assert!(
            rights.lines().any(|line| line.starts_with("121703") && line.contains("gql_user_update_perms")),
            "{rights}"
        );
    });
}
