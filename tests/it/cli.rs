//! The program: its subcommands, their one line and exit status, and how the server starts, heals and stops.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::Backend;
use crate::support::backend::TestDatabase;
use crate::support::program::{FIXTURE, Server, program, run, wait_until};

/// The one line on the standard output of a success, or on the standard error of a failure.
pub fn line(output: &Output) -> String {
    let text = if output.status.success() { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(text).into_owned();
    assert_eq!(text.trim_end().lines().count(), 1, "one line is wanted: {text:?} {output:?}");
    text.trim_end().to_owned()
}

/// Runs the program with something on its standard input.
pub fn with_input(database: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = program(database);
    let command = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    // Who refuses before reading has closed it.
    let _ = child.stdin.take().expect("an input").write_all(input);
    child.wait_with_output().expect("it ends")
}

/// A folder for the files of a test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tasks_it_{name}_{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn log_in(server: &Server) -> (u16, String) {
    let reply = server.try_log_in("exec1", "exec1123");
    (reply.status, reply.text)
}

pub fn on_each_database(test: impl Fn(&TestDatabase)) {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        test(&TestDatabase::create(backend));
    }
}

#[test]
fn migrate_says_what_it_did_and_finds_nothing_the_second_time() {
    on_each_database(|database| {
        let first = run(&database.url, &["migrate"]);
        assert!(first.status.success() && line(&first).starts_with("applied "), "{first:?}");
        let second = run(&database.url, &["migrate"]);
        assert_eq!(line(&second), "the database is current; nothing to migrate");
    });
}

#[test]
fn loading_twice_changes_nothing() {
    on_each_database(|database| {
        let first = run(&database.url, &["load", FIXTURE]);
        assert!(line(&first).contains("40 tasks"), "{first:?}");
        let counts = || {
            [
                "core_user",
                "task_management_task",
                "task_management_historicaltask",
                "task_management_taskdecision",
            ]
            .map(|table| database.count(&format!("SELECT count(*) FROM {table}")))
        };
        let before = counts();
        let second = run(&database.url, &["load", FIXTURE]);
        assert!(line(&second).starts_with("loaded nothing"), "{second:?}");
        assert_eq!(counts(), before);
    });
}

#[test]
fn the_program_loads_functions_in_javascript_and_looks_at_their_sources() {
    let folder = folder("sources");
    on_each_database(|database| {
        for (source, is_fine) in [("export default (", false), ("export default () => 1", true)] {
            let file = folder.join("functions.json");
            let function = format!(
                r#"{{ "taskFunctions": [{{ "id": "00000000-0000-7000-b000-000000000001", "name": "f", "kind": "JAVASCRIPT", "source": "{source}" }}] }}"#
            );
            std::fs::write(&file, function).expect("the file is written");
            let output = run(&database.url, &["load", file.to_str().expect("UTF-8")]);
            assert_eq!(output.status.success(), is_fine, "{output:?}");
            let expected = if is_fine { "loaded 1 functions" } else { "function f: source: " };
            assert!(line(&output).contains(expected), "{output:?}");
            let count = database.count("SELECT count(*) FROM task_management_taskfunction");
            assert_eq!(count, i64::from(is_fine));
        }
    });
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn loading_a_wrong_file_leaves_nothing_and_says_why() {
    let folder = std::env::temp_dir().join(format!("tasks_it_load_{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let fixture = std::fs::read_to_string(FIXTURE).expect("the fixture");
    let wrong = [
        ("broken.json", fixture[..fixture.len() / 2].to_owned(), "line"),
        ("misspelt.json", fixture.replacen("\"users\"", "\"usres\"", 1), "usres"),
        // The last group points to a user who is not there, so all before it must go.
        (
            "orphan.json",
            fixture.replace("\"userUpdated\": \"e9ef4290", "\"userUpdated\": \"00000000"),
            "task group alpha: ",
        ),
        (
            "list.json",
            r#"[[{ "name": "Reader", "rights": [191001] }]]"#.to_owned(),
            "an object with lists of rows",
        ),
        // What a file says moves no cursor and makes no lines.
        (
            "escapes.json",
            r#"{ "roles": [{ "name": "Reader", "rights": [191001], "\u001b[31mred\n\u009b2J\u202e": 1 }] }"#.to_owned(),
            "unknown field `\\u{1b}[31mred\\u{a}\\u{9b}2j\\u{202e}`",
        ),
        (
            "username.json",
            r#"{ "users": [{ "id": "00000000-0000-7000-b000-000000000001", "username": "an\u001b[2Jna" }] }"#.to_owned(),
            "user an\\u{1b}[2jna: username: ",
        ),
        (
            "function.json",
            r#"{ "taskFunctions": [{ "id": "00000000-0000-7000-b000-000000000001", "name": "f", "kind": "HTTP", "url": "nowhere" }] }"#.to_owned(),
            "function f: url: ",
        ),
        (
            "settings.json",
            r#"{ "moduleConfigurations": [{ "module": "tasks_management", "layer": "BE", "version": "1", "config": { "gql_task_create_perm": [1] } }] }"#.to_owned(),
            "gql_task_create_perm",
        ),
    ];
    on_each_database(|database| {
        for (name, text, reason) in &wrong {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the file is written");
            let output = run(&database.url, &["load", path.to_str().expect("UTF-8")]);
            assert!(!output.status.success(), "{name}: {output:?}");
            assert!(line(&output).to_lowercase().contains(reason), "{name}: {}", line(&output));
            assert!(line(&output).ends_with("nothing was loaded: mend the file and load it again"));
            assert!(!line(&output).contains("database"), "the file is at fault: {}", line(&output));
        }
        run(&database.url, &["migrate"]);
        assert_eq!(database.count("SELECT count(*) FROM core_user"), 1, "the system user");
        let missing = run(&database.url, &["load", "nowhere.json"]);
        assert!(!missing.status.success() && line(&missing).contains("nowhere.json"), "{missing:?}");
    });
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn users_are_added_given_roles_and_new_passwords() {
    on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        let with_password =
            |args: &[&str], password: &str| with_input(&database.url, args, password.as_bytes());
        let added = with_password(
            &["user", "add", "nadia", "--role", "Task Executor", "--last-name", "N"],
            "rosebud-12345\n",
        );
        assert!(added.status.success() && line(&added).starts_with("added the user nadia"), "{added:?}");
        let again = with_password(&["user", "add", "nadia"], "rosebud-12345\n");
        assert!(!again.status.success() && line(&again).contains("already"), "{again:?}");
        let short = with_password(&["user", "add", "short"], "1234\n");
        assert!(!short.status.success() && line(&short).contains("password"), "{short:?}");
        let none = with_password(&["user", "set-password", "nadia"], "");
        assert!(!none.status.success() && line(&none).contains("standard input"), "{none:?}");
        assert!(with_password(&["user", "set-password", "nadia"], "other-12345").status.success());
        let stranger = with_password(&["user", "set-password", "ghost"], "other-12345");
        assert!(!stranger.status.success() && line(&stranger).contains("ghost"), "{stranger:?}");
        assert_eq!(
            line(&run(&database.url, &["user", "grant", "nadia", "Task Triage"])),
            "nadia now has the role Task Triage"
        );
        assert!(line(&run(&database.url, &["user", "grant", "nadia", "Task Triage"])).contains("already"));
        assert!(!run(&database.url, &["user", "grant", "nadia", "No Such Role"]).status.success());
    });
}

#[test]
fn a_wrong_setting_stops_the_start_with_a_sentence_that_names_it() {
    let database = TestDatabase::create(Backend::Sqlite);
    let refused = |variables: &[(&str, &str)], named: &str| {
        let output = program(&database.url)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(variables.iter().copied())
            .output()
            .expect("the program runs");
        assert!(!output.status.success(), "{output:?}");
        assert!(line(&output).to_lowercase().contains(&named.to_lowercase()), "{named}: {}", line(&output));
    };
    refused(&[("TASKS__AUTH__SECRET", "")], "auth.secret");
    refused(&[("TASKS__AUTH__SECRET", "short")], "auth.secret");
    refused(&[("TASKS__HTTP__NONSENSE", "1")], "nonsense");
    refused(&[("TASKS__LIMITS__PAGE_SIZE", "many")], "page_size");
    refused(&[("TASKS__LIMITS__PAGE_SIZE", "0")], "limits.page_size");
    refused(&[("TASKS__HTTP__LISTEN", "nowhere")], "http.listen");
    refused(&[("TASKS__DATABASE__URL", "mysql://x")], "database.url");
    refused(&[("TASKS__DATABASE__URL", "postgres://db.example.org/x")], "tls");
    let unreachable = ("TASKS__DATABASE__URL", "postgres://nobody@127.0.0.1:1/x");
    refused(&[unreachable], "connection");
    let output = program(&database.url).args(["serve", "--config", "nowhere.toml"]).output().expect("runs");
    assert!(line(&output).contains("nowhere.toml"), "{output:?}");
}

#[test]
fn a_wrong_row_of_configuration_in_the_database_stops_the_start() {
    on_each_database(|database| {
        run(&database.url, &["migrate"]);
        database.execute(
            "INSERT INTO core_moduleconfiguration (id, module, layer, version, config, is_exposed, controls) VALUES \
             ('00000000-0000-4000-8000-000000000001', 'tasks_management', 'BE', '1', '{\"gql_nonsense\": 1}', false, '[]')",
        );
        let output =
            program(&database.url).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("gql_nonsense"), "{text}");
    });
}

#[test]
fn the_server_answers_and_stops_when_told_to() {
    on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        let server = Server::start(&database.url, &[]);
        assert_eq!(server.request("GET", "/healthz", "").0, 200);
        assert_eq!(server.request("GET", "/readyz", "").0, 200);
        let (status, body) = log_in(&server);
        assert!(status == 200 && body.contains("token"), "{status} {body}");
        let (status, metrics) = server.request("GET", "/metrics", "");
        for name in ["tasks_events_pending", "tasks_events_dead", "tasks_events_lag_seconds"] {
            // They are looked at as soon as the workers begin.
            wait_until(name, || server.request("GET", "/metrics", "").1.contains(name));
        }
        assert!(status == 200 && metrics.contains("http_requests_total"), "{metrics}");
        assert!(server.stop().success());
    });
}

#[test]
fn a_database_that_goes_away_gives_a_clear_error_and_heals_when_it_returns() {
    let database = TestDatabase::create(Backend::Postgres);
    run(&database.url, &["load", FIXTURE]);
    let server = Server::start(&database.url, &[("TASKS__DATABASE__CHECKOUT_TIMEOUT_MS", "500")]);
    assert_eq!(log_in(&server).0, 200);
    database.refuse_connections(true);
    assert_eq!(server.request("GET", "/healthz", "").0, 200);
    assert_eq!(server.request("GET", "/readyz", "").0, 503);
    let (status, body) = log_in(&server);
    assert!(status == 503 && body.contains("try again"), "{status} {body}");
    database.refuse_connections(false);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (status, body) = log_in(&server);
        if status == 200 && body.contains("token\"") {
            break;
        }
        assert!(Instant::now() < deadline, "it does not heal: {status} {body}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn names_that_change_how_they_look_are_refused() {
    on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        for args in [
            vec!["user", "add", "na\u{1b}[2Jdia"],
            vec!["user", "add", "na\u{202e}dia"],
            vec!["user", "add", "nadia", "--last-name", "a\nb"],
            vec!["user", "add", "nadia", "--other-names", "a\tb"],
            vec!["user", "add", "nadia", "--email", "a\r@b"],
        ] {
            let output = with_input(&database.url, &args, b"rosebud-12345\n");
            assert!(!output.status.success() && line(&output).contains("not seen"), "{args:?} {output:?}");
        }
        assert_eq!(database.count("SELECT count(*) FROM core_user WHERE username LIKE 'na%dia'"), 0);
        let added =
            with_input(&database.url, &["user", "add", "zoë", "--last-name", "O'Neill"], b"rosebud-12345\n");
        assert!(added.status.success(), "{added:?}");
        let file = folder("names").join("names.json");
        let user = r#"{ "users": [{ "id": "00000000-0000-7000-b000-000000000001", "username": "a\nb", "password": "rosebud-12345" }] }"#;
        std::fs::write(&file, user).expect("the file is written");
        let output = run(&database.url, &["load", file.to_str().expect("UTF-8")]);
        assert!(!output.status.success() && line(&output).contains("not seen"), "{output:?}");
    });
}

#[test]
fn files_that_begin_with_a_byte_order_mark_are_read() {
    let folder = folder("marks");
    let utf16 = |text: &str| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let utf8 = |text: &str| format!("\u{feff}{text}").into_bytes();
    let fixture = std::fs::read_to_string(FIXTURE).expect("the fixture");
    let settings = "[limits]\npage_size = 0\n";
    for (kind, load, settings) in
        [("utf8", utf8(&fixture), utf8(settings)), ("utf16", utf16(&fixture), utf16(settings))]
    {
        let (data, toml) = (folder.join(format!("{kind}.json")), folder.join(format!("{kind}.toml")));
        std::fs::write(&data, load).expect("the file is written");
        std::fs::write(&toml, settings).expect("the file is written");
        on_each_database(|database| {
            let output = run(&database.url, &["load", data.to_str().expect("UTF-8")]);
            assert!(output.status.success() && line(&output).contains("40 tasks"), "{kind} {output:?}");
            let password = utf8("rosebud-12345\n");
            assert!(
                with_input(&database.url, &["user", "set-password", "exec1"], &password).status.success()
            );
            let server = Server::start(&database.url, &[]);
            assert!(server.try_log_in("exec1", "rosebud-12345").body["data"]["tokenAuth"].is_object());
        });
        let output = run("sqlite://unused.db", &["migrate", "--config", toml.to_str().expect("UTF-8")]);
        assert!(line(&output).contains("limits.page_size"), "it is read: {output:?}");
    }
}

#[test]
fn the_databases_password_stands_in_a_file_or_the_environment_and_never_among_the_arguments() {
    let database = TestDatabase::create(Backend::Postgres);
    let secret = "hunter two&%";
    let file = folder("password").join("password");
    std::fs::write(&file, format!("{secret}\n")).expect("the file is written");
    let migrate = |variables: &[(&str, &str)]| {
        program(&database.url).arg("migrate").envs(variables.iter().copied()).output().expect("runs")
    };
    let path = file.to_str().expect("UTF-8");
    let password = ("TASKS__DATABASE__PASSWORD", secret);
    let password_file = ("TASKS__DATABASE__PASSWORD_FILE", path);
    // A number is a password too.
    for variable in [password, password_file, ("TASKS__DATABASE__PASSWORD", "0123")] {
        let output = migrate(&[variable]);
        assert!(output.status.success(), "{output:?}");
    }
    for (variables, reason) in [
        (vec![password, password_file], "database.password_file"),
        (vec![password, ("TASKS__DATABASE__URL", "sqlite://x.db")], "database.password"),
        (vec![password, ("TASKS__DATABASE__URL", "postgres://a:b@127.0.0.1/x")], "database.url"),
        (vec![("TASKS__DATABASE__PASSWORD_FILE", "/nowhere")], "database.password_file"),
    ] {
        let output = migrate(&variables);
        assert!(!output.status.success() && line(&output).contains(reason), "{reason}: {output:?}");
    }
    for url in ["postgres://ada:hunter@127.0.0.1/x", "postgres://ada@127.0.0.1/x?password=hunter"] {
        let output = run("sqlite://unused.db", &["migrate", "--database-url", url]);
        assert!(!output.status.success(), "{output:?}");
        let line = line(&output);
        assert!(line.contains("TASKS__DATABASE__PASSWORD") && !line.contains("hunter"), "{line}");
    }
}

#[test]
fn every_refusal_at_the_command_line_names_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let broken = folder("refusals").join("broken.json");
    std::fs::write(&broken, "{ \"users\": [").expect("the file is written");
    let broken = broken.to_str().expect("UTF-8");
    on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        let refusals: &[(&[&str], &str, &str)] = &[
            (&["serve", "--listen", &taken], "", "--listen"),
            (&["serve", "--config", "nowhere.toml"], "", "name a file"),
            (&["load", "nowhere.json"], "", "name a file"),
            (&["load", broken], "", "mend the file"),
            (&["user", "add", "exec1"], "long-enough", "set-password"),
            (&["user", "add", " x"], "long-enough", "take another name"),
            (&["user", "add", "new", "--role", "None"], "long-enough", "tasks-management load"),
            (&["user", "add", "new", "--language", "xx"], "long-enough", "allowed"),
            (&["user", "add", "new"], "", "printf"),
            (&["user", "add", "new"], "short", "must have"),
            (&["user", "set-password", "ghost"], "long-enough", "user add"),
            (&["user", "grant", "ghost", "Task Triage"], "", "user add"),
            (&["user", "grant", "exec1", "None"], "", "tasks-management load"),
            (&["events", "list", "--status", "LOST"], "", "PENDING"),
            (&["events", "list", "--limit", "1000000"], "", "--limit"),
            (&["events", "replay", "999999"], "", "events list"),
            (&["events", "discard", "999999"], "", "events list"),
            (&["token", "revoke", "00000000-0000-7000-b000-000000000001"], "", "token list"),
            (
                &["events", "replay", "999999", "--database-url", "postgres://nobody@127.0.0.1:1/x"],
                "",
                "--database-url",
            ),
            (&["migrate", "--database-url", "mysql://x"], "", "sqlite://"),
            (&["migrate", "--database-url", "sqlite:///dev/null/x.db"], "", "--database-url"),
        ];
        for (args, input, advice) in refusals {
            let output = with_input(&database.url, args, input.as_bytes());
            assert!(!output.status.success() && output.stdout.is_empty(), "{args:?} {output:?}");
            assert!(line(&output).contains(advice), "{args:?}: {}", line(&output));
            assert_eq!(output.status.code(), Some(1), "{args:?}");
        }
        let unread = run(&database.url, &["user", "lst"]);
        assert_eq!(unread.status.code(), Some(2), "the command line can't be read: {unread:?}");
    });
}

#[test]
fn schema_prints_the_kept_schema() {
    let output = run("sqlite://unused.db", &["schema"]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed.trim_end(), include_str!("../../schema.graphql").trim_end());
}
