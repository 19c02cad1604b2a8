//! Beginning with a database: many processes at once, and files that only their owner can read.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Output, Stdio};

use tasks_management::CreateTask;

use crate::support::backend::TestDatabase;
use crate::support::program::{Server, program};
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
