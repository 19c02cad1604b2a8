//! How fast queued runs of a trivial function are executed: `cargo run --release --example drain -- --database postgres://…`. With
//! `--javascript` the function is one in JavaScript; with `--one-by-one` each run waits for the one before it, and is measured from NEW
//! to COMPLETE.
//!
//! It makes a database of its own on that server, queues the runs, starts the processes, and waits until all runs are complete.

use std::io::Read as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tasks_management::{
    Builder, CreateFunctionRun, CreateTaskFunction, FunctionKind, HandlerError, Json, LoadFile, Requester,
    Settings, TaskFunctionChange, TaskManagement, function_runner,
};
use tokio_util::sync::CancellationToken;

#[path = "../examples/kill/store.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod store;

use store::Store;

/// The allocator of the real program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "drain", about = "Measures how fast queued runs of a trivial function are executed")]
struct Cli {
    #[command(subcommand)]
    command: Option<Commands>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Commands {
    /// Executes runs until the standard input ends.
    Work,
}

#[derive(Args)]
struct Options {
    /// `sqlite`, or the URL of a PostgreSQL server on which a database may be created.
    #[arg(long, default_value = "sqlite")]
    database: String,
    /// How many runs.
    #[arg(long, default_value_t = 10_000)]
    runs: usize,
    /// How many processes execute them.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// How many of them each process executes at once (`maxConcurrency`).
    #[arg(long, default_value_t = 20)]
    concurrency: i32,
    /// The function is one in JavaScript.
    #[arg(long)]
    javascript: bool,
    /// One run after the other, executed by this process.
    #[arg(long)]
    one_by_one: bool,
}

fn settings(url: &str) -> Settings {
    let mut settings = Settings::default();
    url.clone_into(&mut settings.database.url);
    settings
}

fn builder(url: &str) -> Builder {
    Builder::new(settings(url))
        .function("nothing", |_| async { Ok(Json::Null) })
        .function_runner(function_runner())
}

fn main() -> ExitCode {
    let _ = function_runner();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(HandlerError::from).and_then(|runtime| {
        runtime.block_on(async {
            match cli.command {
                Some(Commands::Work) => work().await,
                None => measure(&cli.options).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drain: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn work() -> Result<(), HandlerError> {
    let module = builder(&std::env::var("DRAIN_DATABASE")?).build()?;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(module.workers(&stop));
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    stop.cancel();
    Ok(workers.await?)
}

async fn measure(options: &Options) -> Result<(), HandlerError> {
    let store = Store::create("drain", &options.database)?;
    let module = builder(&store.url).build()?;
    module.migrate().await?;
    let people: LoadFile = serde_json::from_value(json!({
        "roles": [{ "id": 1, "name": "Admin", "isSystem": 64, "rights": [] }],
        "users": [{ "id": "11111111-1111-4111-8111-000000000001", "username": "admin", "lastName": "A", "roles": ["Admin"] }],
    }))?;
    module.load(people).await?;
    let admin = module.requester("admin").await?;
    let mut change = TaskFunctionChange::default();
    change.max_concurrency = Some(options.concurrency);
    change.runs_per_minute = Some(1_000_000);
    let kind = if options.javascript { FunctionKind::Javascript } else { FunctionKind::Handler };
    change.source = options.javascript.then(|| "export default async () => null".to_owned());
    let function = CreateTaskFunction { name: "nothing".to_owned(), kind, change };
    module.task_functions().create(&admin, function).await?;
    if options.one_by_one {
        one_by_one(&module, &admin, &store, options.runs).await?;
        return store.remove();
    }
    let queued = Instant::now();
    for _ in 0..options.runs.div_ceil(500) {
        let run = CreateFunctionRun { function_name: "nothing".to_owned(), ..CreateFunctionRun::default() };
        module.function_runs().create_many(&admin, vec![run; 500]).await?;
    }
    println!("queued in                {:>8.2} s", queued.elapsed().as_secs_f64());
    let begun = Instant::now();
    let workers: Vec<Child> = (0..options.processes).map(|_| start(&store.url)).collect::<Result<_, _>>()?;
    let open = "SELECT count(*) FROM task_management_functionrun WHERE status IN ('NEW', 'IN_PROGRESS')";
    while store.number(open)? > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    for mut worker in workers {
        drop(worker.stdin.take());
        worker.wait()?;
    }
    let complete =
        store.number("SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'")?;
    let rate = f64::from(u32::try_from(complete)?) / seconds;
    println!("complete                 {complete:>8}");
    println!("executed in              {seconds:>8.2} s, with the start of {} processes", options.processes);
    println!("runs a second            {rate:>8.0}");
    store.remove()
}

/// How long runs take from NEW to COMPLETE, as the database says.
async fn one_by_one(
    module: &TaskManagement,
    admin: &Arc<Requester>,
    store: &Store,
    runs: usize,
) -> Result<(), HandlerError> {
    let stop = CancellationToken::new();
    let workers = tokio::spawn(module.workers(&stop));
    let complete = "SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'";
    for number in 1..=runs {
        let run = CreateFunctionRun { function_name: "nothing".to_owned(), ..CreateFunctionRun::default() };
        module.function_runs().create(admin, run).await?;
        while store.number(complete)? < i64::try_from(number)? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.cancel();
    workers.await?;
    let took = if store.is_file() {
        "round((julianday(date_status) - julianday(date_created)) * 86400000000)"
    } else {
        "extract(epoch FROM date_status - date_created) * 1000000"
    };
    let rows = format!(
        "SELECT CAST(id AS text) AS a, '' AS b, '' AS c, CAST({took} AS bigint) AS n FROM task_management_functionrun"
    );
    let mut micros: Vec<i64> = store.rows(&rows)?.into_iter().map(|row| row.n).collect();
    micros.sort_unstable();
    for (name, share) in [("median", 50), ("95 of 100", 95), ("99 of 100", 99), ("longest", 100)] {
        let at = (micros.len() * share / 100).saturating_sub(1);
        let milliseconds = micros
            .get(at)
            .map_or(0.0, |micros| Duration::from_micros(micros.unsigned_abs()).as_secs_f64() * 1e3);
        println!("{name:<24} {milliseconds:>8.1} ms");
    }
    Ok(())
}

fn start(url: &str) -> Result<Child, HandlerError> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.arg("work").env("DRAIN_DATABASE", url).stdin(Stdio::piped()).spawn()?)
}
