//! Functions in JavaScript that take what they can get: each fails with a reason within its limits, nobody else is slower, and nothing
//! is left of it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_management::FunctionRunner;
use tokio_util::sync::CancellationToken;

use crate::javascript::{make, run, scene, with_runner};
use crate::support::program::{SECRET, wait_until};
use crate::support::{Backend, TestApp, apply, on_both, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tasks-management");

/// Sources that take too much, and the names of the errors that may come of each.
const GREEDY: &[(&str, &str, &[&str])] = &[
    ("an endless loop", "export default () => { for (;;); }", &["timeLimitExceeded"]),
    ("an endless loop outside", "for (;;); export default () => 1", &["timeLimitExceeded"]),
    ("endless promises", "export default async () => { for (;;) await 0; }", &["timeLimitExceeded"]),
    (
        "a loop that catches all",
        "export default () => { for (;;) { try { for (;;); } catch {} finally { continue; } } }",
        &["timeLimitExceeded"],
    ),
    (
        "an endless getter of an error",
        "export default () => { throw { get name() { for (;;); } } }",
        &["timeLimitExceeded"],
    ),
    ("an endless toJSON", "export default () => ({ toJSON() { for (;;); } })", &["timeLimitExceeded"]),
    (
        "an expression that goes back and back",
        "export default () => /^(a+)+$/.test('a'.repeat(60) + 'b')",
        &["timeLimitExceeded", "InternalError", "outOfMemory"],
    ),
    (
        "a bomb of objects",
        "export default () => { const a = []; for (;;) a.push(new Array(1000).fill({})); }",
        &["outOfMemory"],
    ),
    (
        "a bomb of texts",
        "export default () => { let s = 'ab'; for (;;) s += s + '!'; }",
        &["outOfMemory", "RangeError", "InternalError"],
    ),
    (
        "a bomb of buffers",
        "export default () => { const a = []; for (;;) a.push(new ArrayBuffer(1 << 20)); }",
        &["outOfMemory", "RangeError"],
    ),
    (
        "a bomb that catches all",
        "globalThis.kept = []; export default () => { for (;;) try { for (;;) kept.push('x'.repeat(1000) + kept.length); } catch {} }",
        &["timeLimitExceeded", "outOfMemory"],
    ),
    ("deep recursion", "const f = () => f() + 1; export default () => f()", &["RangeError", "InternalError"]),
    (
        "a deep result",
        "export default () => { let a = []; for (let i = 0; i < 3e5; i++) a = [a]; return a; }",
        &["RangeError", "InternalError", "notSerializable", "outOfMemory"],
    ),
    ("a result of 50 MB", "export default () => 'x'.repeat(50e6)", &["invalidResult", "outOfMemory"]),
    ("a result of 300 KB", "export default () => 'x'.repeat(300e3)", &["invalidResult"]),
];

#[apply(on_both)]
async fn what_takes_too_much_fails_with_a_reason_within_its_limit(backend: Backend) {
    let app = scene(backend).await;
    // By this number their processes are told from those of other tests.
    let memory = if backend == Backend::Sqlite { 61 } else { 62 };
    for (number, (what, source, names)) in GREEDY.iter().enumerate() {
        let name = format!("greedy-{number}");
        // What runs into its limit of time is waited for; what runs into another has time.
        let seconds = if names[0] == "timeLimitExceeded" { 3 } else { 30 };
        make(&app, &name, source, json!({ "timeLimit": seconds, "memoryLimit": memory })).await;
        let begun = Instant::now();
        let done = run(&app, &name, &json!(null)).await;
        let error = done["error"]["name"].as_str().unwrap_or_default().to_owned();
        assert!(done["status"] == "FAILED" && names.contains(&error.as_str()), "{what}: {done}");
        assert!(begun.elapsed() < Duration::from_secs(seconds + 3), "{what} took {:?}", begun.elapsed());
    }
    let line = format!("function-runner {memory} ");
    wait_until("none of their processes is left", || !processes().any(|(_, other)| other.contains(&line)));
}

#[apply(on_both)]
async fn a_log_of_a_hundred_megabytes_is_kept_as_far_as_a_log_is(backend: Backend) {
    let app = scene(backend).await;
    let many = "export default () => { const l = 'x'.repeat(999); for (let i = 0; i < 100000; i++) console.log(l + i); return 'done' }";
    make(&app, "many", many, json!({ "timeLimit": 60 })).await;
    let large = "export default () => { console.log('first'); console.log('x'.repeat(60e6)); return 'done' }";
    make(&app, "large", large, json!({ "memoryLimit": 256, "timeLimit": 60 })).await;
    for (name, most) in [("many", 150), ("large", 3)] {
        let done = run(&app, name, &json!(null)).await;
        assert_eq!(done["result"], "\"done\"", "{name}: {}", done["error"]);
        let lines = done["logs"].as_array().expect("lines");
        let bytes: usize = lines.iter().map(|line| line["message"].as_str().map_or(0, str::len)).sum();
        assert!(lines.len() <= most && bytes <= 101 * 1024, "{name}: {} lines, {bytes} bytes", lines.len());
        let last = lines.last().expect("a line");
        assert!(last["message"].as_str().is_some_and(|last| last.contains("full")), "{name}: {last}");
    }
}

#[apply(on_both)]
async fn games_with_prototypes_reach_neither_the_server_nor_the_next_run(backend: Backend) {
    let app = scene(backend).await;
    let game = "for (const p of [Object, Array, String, Promise, Map, Function]) {\n\
          for (const key of Object.getOwnPropertyNames(p.prototype)) try { p.prototype[key] = () => 'evil'; } catch {}\n\
        }\n\
        Object.prototype.toJSON = () => ({ evil: true });\n\
        Object.defineProperty(Object.prototype, 'serviceAccount', { get() { return 'admin' } });\n\
        JSON.stringify = () => '{\"status\":\"evil\"}'; JSON.parse = () => 'evil'; globalThis.Promise = null;\n\
        globalThis.left = 'evil';\n\
        export default () => ({ __proto__: { evil: 1 }, constructor: 'x', own: 1 });";
    make(&app, "game", game, json!({})).await;
    let plain =
        "export default (task) => [typeof left, {}.toJSON === undefined, [1, 2].map((n) => n), task.data]";
    make(&app, "plain", plain, json!({})).await;
    let played = run(&app, "game", &json!({ "a": 1 })).await;
    assert!(["COMPLETE", "FAILED"].contains(&played["status"].as_str().unwrap_or_default()), "{played}");
    let next = run(&app, "plain", &json!({ "a": 1 })).await;
    assert_eq!(next["result"], "[\"undefined\",true,[1,2],{\"a\":1}]", "{next}");
    // What the server is told is JSON and no more: a key of that name is a key.
    let keys = "export default () => JSON.parse('{\"__proto__\": {\"a\": 1}, \"constructor\": 2}')";
    make(&app, "keys", keys, json!({})).await;
    let done = run(&app, "keys", &json!(null)).await;
    let result: Value = serde_json::from_str(done["result"].as_str().expect("a result")).expect("JSON");
    assert_eq!(result, json!({ "__proto__": { "a": 1 }, "constructor": 2 }));
}

#[apply(on_both)]
async fn others_are_not_slower_while_functions_take_what_they_can(backend: Backend) {
    const LOOPS: [&str; 9] = ["l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9"];

    let own = |settings: &mut tasks_management::Settings| settings.outbox.poll_ms = 20;
    let app = TestApp::start_with(backend, own, with_runner).await;
    for name in LOOPS {
        let more = json!({ "timeLimit": 8, "maxConcurrency": 1_000, "permissionMode": "allUsers" });
        make(&app, name, "export default () => { for (;;); }", more).await;
    }
    make(&app, "quick", "export default () => 1", json!({})).await;
    let (stop, mut admin) = (CancellationToken::new(), app.user("admin").await);
    let workers = tokio::spawn(app.module.workers(&stop));
    let ask = async |admin: &mut crate::support::Client| {
        let begun = Instant::now();
        for _ in 0..20 {
            admin.graphql("{ task(first: 5) { totalCount edges { node { uuid } } } }").await;
        }
        begun.elapsed()
    };
    ask(&mut admin).await;
    let before = ask(&mut admin).await;
    for name in LOOPS.repeat(3) {
        app.done("exec1", "createFunctionRun", json!({ "functionName": name, "priority": 1_000 })).await;
    }
    until("as many are under way as one person has places", || {
        app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'IN_PROGRESS'") == 5
    })
    .await;
    let meanwhile = ask(&mut admin).await;
    assert!(
        meanwhile < 4 * before + Duration::from_millis(500),
        "twenty lists took {before:?}, and {meanwhile:?} while functions compute"
    );
    let begun = Instant::now();
    app.done("admin", "createFunctionRun", json!({ "functionName": "quick" })).await;
    until("what somebody else asks for is executed meanwhile", || {
        app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'") == 1
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    stop.cancel();
    workers.await.expect("the workers end");
}

/// A program that takes the place of a runner.
fn impostor(script: &str) -> (FunctionRunner, PathBuf) {
    let path = std::env::temp_dir().join(format!("impostor-{}.sh", rand::random::<u64>()));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("it is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it may be executed");
    (FunctionRunner::at(&path), path)
}

#[apply(on_both)]
async fn a_child_that_ignores_signals_or_tells_nonsense_is_killed_with_what_it_has_started(backend: Backend) {
    let app = scene(backend).await;
    make(&app, "f", "export default () => 1", json!({ "timeLimit": 3 })).await;
    // By this number the sleepers of this test are told from others.
    let sleep = format!("sleep 60.{}", rand::random::<u32>());
    for (script, name) in [
        // It ignores what can be ignored, and has started another one that does.
        (
            "trap '' TERM INT HUP PIPE USR1; sh -c 'trap \"\" TERM INT HUP PIPE; SLEEP' & while :; do SLEEP; done",
            "timeLimitExceeded",
        ),
        ("kill -9 $$", "killed"),
        ("exit 0", "brokenOff"),
        ("printf '\\377\\377\\377\\377nonsense'; SLEEP", "brokenOff"),
        ("printf '\\000\\000\\000\\004true'; SLEEP", "brokenOff"),
        ("exec yes >&2", "killed"),
    ] {
        let (runner, path) = impostor(&script.replace("SLEEP", &sleep));
        let other = app.another_process_with(|_| {}, |builder| builder.function_runner(runner));
        let begun = Instant::now();
        let done = run(&other, "f", &json!(null)).await;
        assert_eq!(done["error"]["name"], name, "{script}: {done}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{script} took {:?}", begun.elapsed());
        let text = path.display().to_string();
        wait_until("nothing is left of it", || {
            !processes().any(|(_, line)| line.contains(&text) || line.contains(&sleep))
        });
        let _ = std::fs::remove_file(path);
    }
}

#[apply(on_both)]
async fn a_source_that_ends_its_reader_is_refused(backend: Backend) {
    let app = scene(backend).await;
    let (runner, path) = impostor("exit 1");
    let other = app.another_process_with(|_| {}, |builder| builder.function_runner(runner));
    let input = json!({ "name": "f", "kind": "JAVASCRIPT", "source": "export default () => 1" });
    assert_eq!(other.refused("admin", "createTaskFunction", input.clone()).await, "VALIDATION source");
    app.done("admin", "createTaskFunction", input).await;
    let _ = std::fs::remove_file(path);
}

#[apply(on_both)]
async fn a_child_is_given_no_environment_and_no_folder_of_ours(backend: Backend) {
    let app = scene(backend).await;
    make(&app, "f", "export default () => 1", json!({})).await;
    let (runner, path) = impostor("{ /usr/bin/env; echo; /bin/pwd; } > ${0%.sh}.said 2>&1");
    let other = app.another_process_with(|_| {}, |builder| builder.function_runner(runner));
    let failed = run(&other, "f", &json!(null)).await;
    assert_eq!(failed["error"]["name"], "brokenOff", "{failed}");
    let said = std::fs::read_to_string(path.with_extension("said")).expect("what it said");
    let (environment, folder) = said.split_once("\n\n").expect("both");
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    // The shell itself sets these.
    assert!(names.iter().all(|name| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{names:?}");
    assert_eq!(folder, "/\n");
}

#[test]
fn a_runner_closes_what_it_was_given_beside_its_streams() {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec 7</etc/passwd 8</dev/null; exec {PROGRAM} function-runner 64 5")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let open = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", child.id())).expect("a list");
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned())).collect();
        names.sort();
        names
    };
    wait_until("its streams alone are open", || open() == ["0", "1", "2"]);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

#[test]
fn a_runner_keeps_no_capability_of_a_server_that_is_root() {
    const NONE: &str = "0000000000000000";
    let sets = |status: &str| -> Vec<(String, String)> {
        let lines = status.lines().filter_map(|line| line.split_once(":\t"));
        let sets = lines.filter(|(name, _)| name.starts_with("Cap"));
        sets.map(|(name, set)| (name.to_owned(), set.to_owned())).collect()
    };
    let own = sets(&std::fs::read_to_string("/proc/self/status").expect("our own"));
    let is_root = own.iter().any(|(name, set)| name == "CapEff" && set != NONE);
    let mut child = Command::new(PROGRAM)
        .args(["function-runner", "64", "5"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    // What a process may not take away from the last set bounds nothing, as it has none of these.
    let has_none = |sets: Vec<(String, String)>| {
        let kept: Vec<_> =
            sets.iter().filter(|(name, set)| set != NONE && (is_root || name != "CapBnd")).collect();
        sets.len() == 5 && kept.is_empty()
    };
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("a list");
        let statuses =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
        statuses.map(|status| has_none(sets(&status))).collect::<Vec<_>>()
    };
    wait_until("neither it nor the thread that listens has any", || threads() == [true, true]);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

/// What a runner answers to an order, given past the module.
fn order(message: &Value) -> (Value, String) {
    let mut child = Command::new(PROGRAM)
        .args(["function-runner", "64", "5"])
        .env("TASKS__AUTH__SECRET", SECRET)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let text = message.to_string();
    let mut to = child.stdin.take().expect("a pipe");
    to.write_all(&u32::try_from(text.len()).expect("short").to_be_bytes()).expect("written");
    to.write_all(text.as_bytes()).expect("written");
    let (mut head, mut from) = ([0; 4], child.stdout.take().expect("a pipe"));
    from.read_exact(&mut head).expect("an answer");
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(head)).expect("short")];
    from.read_exact(&mut body).expect("an answer");
    drop(to);
    let output = child.wait_with_output().expect("it ends");
    (serde_json::from_slice(&body).expect("JSON"), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The attempts are made by Rust's own library inside the sandbox (`function_runner/inside/probe.rs`), so that the language is not what
/// refuses them.
#[test]
fn a_runner_can_neither_read_files_nor_open_sockets_nor_start_anything() {
    let (told, said) = order(&json!("Probe"));
    let attempts = told["Result"].as_object().unwrap_or_else(|| panic!("{told}")).clone();
    assert!(attempts.len() >= 15, "{attempts:?}");
    for (what, outcome) in &attempts {
        let refused = outcome.as_str().is_some_and(|outcome| outcome.contains("Operation not permitted"));
        assert!(refused, "{what}: {outcome}");
    }
    assert_eq!(said, "", "nothing comes out by the error stream");
}

#[test]
fn a_runner_whose_process_is_gone_ends_whatever_its_function_does() {
    let mut child = Command::new(PROGRAM)
        .args(["function-runner", "64", "60"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let source = "export default () => { for (;;); }";
    let job = json!({ "Run": { "source": source, "task": {}, "environment": {}, "result_bytes": 100 } })
        .to_string();
    let mut to = child.stdin.take().expect("a pipe");
    to.write_all(&u32::try_from(job.len()).expect("short").to_be_bytes()).expect("written");
    to.write_all(job.as_bytes()).expect("written");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("asked").is_none(), "it computes");
    drop(to);
    let begun = Instant::now();
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// The processes of this machine, with their command lines.
fn processes() -> impl Iterator<Item = (u32, String)> {
    let folders = std::fs::read_dir("/proc").expect("a list").filter_map(Result::ok);
    folders.filter_map(|folder| {
        let id = folder.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(folder.path().join("cmdline")).ok()?;
        Some((id, String::from_utf8_lossy(&line).replace('\0', " ")))
    })
}
