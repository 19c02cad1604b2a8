//! Beginning with a database: many processes at once, and files that only their owner can read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Output, Stdio};

use tasks_management::CreateTask;

use crate::cli::line;
use crate::support::backend::TestDatabase;
use crate::support::program::{SEALING_KEY, Server, program, run};
use crate::support::{Backend, TestApp, apply, on_both};

#[apply(on_both)]
async fn simultaneous_migrations_and_starts_all_succeed(backend: Backend) {
    let database = TestDatabase::create(backend);
    let migrate = |_| -> Child {
        let mut command = program(&database.url);
        command.arg("migrate").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    let migrations: Vec<Child> = (0..24).map(migrate).collect();
    std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| Server::start(&database.url, &[]).stop());
        let servers: Vec<_> = (0..8).map(start).collect();
        for server in servers {
            let status = server.join().expect("it starts");
            assert!(status.success(), "{status}");
        }
    });
    for child in migrations {
        let output: Output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(database.count("SELECT count(*) FROM task_management_health"), 1);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o777
}

/// The file with what SQLite puts beside it.
fn files(path: &str) -> [String; 3] {
    ["", "-wal", "-shm"].map(|suffix| format!("{path}{suffix}"))
}

#[tokio::test]
async fn a_new_file_of_sqlite_and_its_folder_are_its_owners_alone() {
    let database = TestDatabase::create(Backend::Sqlite);
    let given = database.url.trim_start_matches("sqlite://");
    let folder = Path::new(given).with_file_name("new").join("below");
    let url = format!("sqlite://{}", folder.join("tasks.db").display());
    let app = TestApp::start(Backend::Sqlite).await;
    let app = app.another_process_with(|settings| settings.database.url = url, |builder| builder);
    app.module.migrate().await.expect("it is made");
    app.module.database().write(|_| Ok(())).await.expect("it is open");
    for file in files(folder.join("tasks.db").to_str().expect("UTF-8")) {
        assert_eq!(mode(Path::new(&file)), 0o600, "{file}");
    }
    assert_eq!([mode(&folder), mode(folder.parent().expect("a folder"))], [0o700, 0o700]);
}

#[tokio::test]
async fn files_of_sqlite_that_others_could_read_are_taken_from_them() {
    let app = TestApp::start(Backend::Sqlite).await;
    app.task(CreateTask::default()).await;
    let files = files(app.database_url().trim_start_matches("sqlite://"));
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o664)).expect("they are ours");
    }
    app.another_process().task(CreateTask::default()).await;
    for file in files {
        assert_eq!(mode(Path::new(&file)), 0o600, "{file}");
    }
}

#[test]
fn a_command_that_makes_no_database_says_that_there_is_none_and_leaves_nothing() {
    const ID: &str = "00000000-0000-7000-b000-000000000001";
    let folder = std::env::temp_dir().join(format!("tasks_it_missing_{}", std::process::id()));
    let url = format!("sqlite://{}", folder.join("tasks.db").display());
    let commands: &[&[&str]] = &[
        &["user", "list"],
        &["user", "show", "ada"],
        &["user", "roles", "ada"],
        &["user", "sessions", "ada"],
        &["user", "add", "ada"],
        &["user", "add", "ada", "--no-password"],
        &["user", "set-password", "ada"],
        &["user", "grant", "ada", "Reader"],
        &["user", "revoke", "ada", "Reader"],
        &["user", "block", "ada"],
        &["user", "unblock", "ada"],
        &["user", "rename", "ada", "eva"],
        &["role", "list"],
        &["role", "show", "Reader"],
        &["role", "create", "Reader", "191001"],
        &["role", "set-rights", "Reader", "191001"],
        &["role", "delete", "Reader"],
        &["token", "list"],
        &["token", "create", "ada", "import", "191001"],
        &["token", "revoke", ID],
        &["rights", "list"],
        &["rights", "list", "--json"],
        &["security-log"],
        &["whoami"],
        &["events", "list"],
        &["events", "replay", "1"],
        &["events", "discard", "1"],
        &["seal"],
    ];
    for args in commands {
        let mut command = program(&url);
        let mut child = command
            .args(*args)
            .env("TASKS__SEALING__KEY", SEALING_KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let _ = child.stdin.take().expect("an input").write_all(b"rosebud-12345\n");
        let output = child.wait_with_output().expect("it ends");
        let said = line(&output);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}: {output:?}");
        assert!(said.contains("there is no database") && said.contains("tasks.db"), "{args:?}: {said}");
        assert!(!folder.exists(), "{args:?} has made a folder");
    }
    // These are meant to.
    let made = run(&url, &["migrate"]);
    assert!(made.status.success(), "{made:?}");
    let listed = run(&url, &["rights", "list"]);
    assert!(listed.status.success(), "{listed:?}");
    fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let folder = std::env::temp_dir().join(format!("tasks_it_foreign_{}", std::process::id()));
    fs::create_dir(&folder).expect("a folder");
    let (text, inner, empty) = (folder.join("notes.txt"), folder.join("inner"), folder.join("empty.db"));
    fs::write(&text, "what somebody has written, longer than a header").expect("a file");
    fs::write(&empty, "").expect("a file");
    fs::create_dir(&inner).expect("a folder");
    let modes = [(&text, 0o644), (&inner, 0o755), (&empty, 0o644)];
    for (path, mode) in modes {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    }
    for (path, commands, says) in [
        (&text, &["rights list", "migrate", "user add ada --no-password"][..], "is no database of SQLite"),
        (&inner, &["rights list", "migrate"][..], "is no file"),
        (&empty, &["rights list"][..], "there is no database"),
    ] {
        for command in commands {
            let args: Vec<&str> = command.split(' ').collect();
            let output = run(&format!("sqlite://{}", path.display()), &args);
            let said = line(&output);
            assert!(!output.status.success() && said.contains(says), "{command}: {said}");
        }
    }
    for (path, before) in modes {
        assert_eq!(mode(path), before, "{}", path.display());
    }
    assert_eq!(fs::metadata(&empty).expect("it is there").len(), 0);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 3, "nothing is put beside them");
    fs::remove_dir_all(folder).expect("the folder goes");
}
