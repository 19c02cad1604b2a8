//! What many who listen cost: memory for each, how long a change takes to reach all, and how many votes are lost to them.
//!
//! ```sh
//! ulimit -n 8192
//! cargo run --release --example listeners
//! scripts/with-postgres sh -c 'cargo run --release --example listeners -- --database "$TASKS_TEST_POSTGRES_URL"'
//! ```

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use diesel::connection::{Connection as _, SimpleConnection as _};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tasks_management::{
    Builder, CompletionPolicy, CreateTask, LoadFile, Settings, TaskGroupInput, TaskManagement,
};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The allocator of the real program, as memory is measured here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many people decide in a group of their own.
const TEAM: usize = 10;
/// With so many who listen, the process has made what it makes once. The memory of each is that of those who come after them.
const FIRST: usize = 100;
/// How many such groups there are.
const TEAMS: usize = 50;
/// How many bytes a listener reads at once.
const READ: usize = 16 * 1_024;
const SECRET: &str = "a secret for measuring only, long enough to sign";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Measures what many who listen cost")]
struct Options {
    /// How many people listen, over a connection each.
    #[arg(long, default_value_t = 2_000)]
    listeners: usize,
    /// How many changes are told to all of them, one after the other.
    #[arg(long, default_value_t = 10)]
    changes: usize,
    /// For how many seconds people vote, without listeners and with them.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// The URL of a PostgreSQL server on which a database may be created; a file of SQLite by default.
    #[arg(long)]
    database: Option<String>,
    /// Serves this database until the standard input ends: the program starts itself so.
    #[arg(long, hide = true)]
    serve: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| match &options.serve {
        Some(url) => runtime.block_on(serve(url)),
        None => runtime.block_on(measure(&options)),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("listeners: {error}");
            ExitCode::FAILURE
        }
    }
}

fn module(url: &str) -> Result<TaskManagement, Failure> {
    let mut settings = Settings::default();
    url.clone_into(&mut settings.database.url);
    SECRET.clone_into(&mut settings.auth.secret);
    settings.auth.access_token_s = 86_400;
    // Two thousand log in from one address.
    settings.auth.password_memory_kib = 8;
    settings.auth.password_passes = 1;
    settings.http.max_connections_per_address = 100_000;
    settings.subscriptions.connections_per_address = 100_000;
    settings.subscriptions.unidentified_per_address = 100_000;
    Ok(Builder::new(settings).build()?)
}

async fn serve(url: &str) -> Result<(), Failure> {
    let module = module(url)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (ended, ends) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        drop(ended);
    });
    module.serve(listener, async { drop(ends.await) }).await?;
    Ok(())
}

/// The server under test. It ends with this.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(url: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// The memory that it takes, in KiB.
    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(number: usize) -> String {
    format!("person{number}")
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128((0x1111_1111_1111_4111_8111 << 48) | u128::try_from(number).unwrap_or_default())
}

/// Makes a database; returns its URL.
fn database(options: &Options, folder: &std::path::Path) -> Result<String, Failure> {
    let Some(server) = &options.database else {
        std::fs::create_dir_all(folder)?;
        return Ok(format!("sqlite://{}", folder.join("tasks.db").display()));
    };
    let name = format!("listeners_{}", std::process::id());
    diesel::PgConnection::establish(server)?.batch_execute(&format!("CREATE DATABASE {name}"))?;
    let (base, _) = server.rsplit_once('/').ok_or("--database is not a URL that names a database")?;
    Ok(format!("{base}/{name}"))
}

/// Loads people; returns groups in which all of them are, and teams of a few.
async fn people(own: &TaskManagement, count: usize) -> Result<(Vec<Uuid>, Vec<Uuid>), Failure> {
    let person = |id: Uuid, name: String, role: &str| json!({ "id": id, "username": name, "lastName": name, "password": "password", "roles": [role] });
    let people = (0..count).map(|number| person(id(number), name(number), "Executor"));
    let admin = person(Uuid::from_u128(7), "admin".to_owned(), "Admin");
    let file = json!({ "users": people.chain([admin]).collect::<Vec<_>>(), "roles": [
        { "id": 1, "name": "Admin", "isSystem": 64, "rights": [] },
        { "id": 2, "name": "Executor", "rights": [191_001, 191_003] },
    ] });
    own.load(serde_json::from_value::<LoadFile>(file)?).await?;
    let admin = own.requester("admin").await?;
    let group = async |code: String, members: std::ops::Range<usize>| {
        let input = TaskGroupInput {
            user_ids: Some(members.map(id).collect()),
            ..TaskGroupInput::new(code, CompletionPolicy::All)
        };
        own.task_groups().create(&admin, input).await
    };
    // In parts, because a list of an input is bounded.
    let (mut everybody, mut teams) = (Vec::new(), Vec::new());
    for first in (0..count).step_by(1_000) {
        everybody.push(group(format!("ALL-{first}"), first..(first + 1_000).min(count)).await?.id);
    }
    for team in 0..count.div_ceil(TEAM).min(TEAMS) {
        let members = team * TEAM..((team + 1) * TEAM).min(count);
        teams.push(group(format!("TEAM-{team}"), members).await?.id);
    }
    Ok((everybody, teams))
}

async fn measure(options: &Options) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("listeners-{}", std::process::id()));
    let url = database(options, &folder)?;
    let own = module(&url)?;
    own.migrate().await?;
    let (everybody, teams) = people(&own, options.listeners).await?;
    let server = Server::start(&url)?;
    let mut tokens = Vec::new();
    for number in 0..options.listeners {
        tokens.push(log_in(&server.address, &name(number)).await?);
    }
    let alone = votes(&own, &server.address, &teams, &tokens, options.seconds).await?;

    let mut before = server.resident_kib();
    let told = Arc::new(AtomicU64::new(0));
    let (ready, mut readies) = mpsc::channel(100);
    let mut listening = JoinSet::new();
    for (number, token) in tokens.iter().enumerate() {
        if number == FIRST {
            tokio::time::sleep(Duration::from_secs(1)).await;
            before = server.resident_kib();
        }
        let (address, token) = (server.address.clone(), token.clone());
        let (told, ready) = (Arc::clone(&told), ready.clone());
        listening.spawn(async move {
            if let Err(error) = listen(&address, &token, &told, &ready).await {
                eprintln!("a listener ended: {error}");
            }
        });
        readies.recv().await.ok_or("nobody is ready")?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = server.resident_kib();
    let listeners = u64::try_from(options.listeners)?;
    let measured = u64::try_from(options.listeners.saturating_sub(FIRST).max(1))?;
    println!("listeners                        {listeners:>10}");
    println!("memory before, KiB               {before:>10}");
    println!("memory of each, bytes            {:>10}", after.saturating_sub(before) * 1024 / measured);

    let admin = own.requester("admin").await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..options.changes {
        told.store(0, Ordering::SeqCst);
        let begun = Instant::now();
        for group in &everybody {
            let task = CreateTask { task_group_id: Some(*group), ..CreateTask::default() };
            own.tasks().create(&admin, task).await?;
        }
        while told.load(Ordering::SeqCst) < listeners {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(format!("{} of {listeners} were told", told.load(Ordering::SeqCst)).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        slowest = slowest.max(begun.elapsed());
    }
    println!("a change reaches all, at most ms {:>10}", slowest.as_millis());
    let with = votes(&own, &server.address, &teams, &tokens, options.seconds).await?;
    let resident = server.resident_kib();
    // A database that has grown is slower, whoever listens. So it is measured before and after.
    listening.shutdown().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let alone_again = votes(&own, &server.address, &teams, &tokens, options.seconds).await?;
    println!("votes a second, nobody listens   {alone:>10}");
    println!("votes a second, all listen       {with:>10}");
    println!("votes a second, nobody any more  {alone_again:>10}");
    println!("memory while all listen, KiB     {resident:>10}");
    drop(server);
    if options.database.is_none() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// How many votes a second are cast by people of the teams, each of whom hears the votes of the own team.
async fn votes(
    own: &TaskManagement,
    address: &str,
    teams: &[Uuid],
    tokens: &[String],
    seconds: u64,
) -> Result<u64, Failure> {
    let admin = own.requester("admin").await?;
    let over = Arc::new(AtomicBool::new(false));
    let mut voters = Vec::new();
    for (team, group) in teams.iter().enumerate().take(8) {
        // More than are voted on in the time.
        let mut tasks = Vec::new();
        for _ in 0..20 * seconds {
            let task = CreateTask { task_group_id: Some(*group), ..CreateTask::default() };
            tasks.push(own.tasks().create(&admin, task).await?.id);
        }
        let members: Vec<(Uuid, String)> = (team * TEAM..(team + 1) * TEAM)
            .filter_map(|number| Some((id(number), tokens.get(number)?.clone())))
            .collect();
        let (address, over) = (address.to_owned(), Arc::clone(&over));
        voters.push(tokio::spawn(async move {
            let mut connection = connect(&address).await?;
            let mut cast = 0;
            for task in tasks {
                for (member, token) in &members {
                    if over.load(Ordering::Relaxed) {
                        return Ok(cast);
                    }
                    let status = json!({ member.to_string(): "APPROVED" }).to_string();
                    let query = "mutation($in: ResolveTaskMutationInput!) { resolveTask(input: $in) { internalId } }";
                    let input = json!({ "id": task, "businessStatus": status, "clientMutationId": format!("{member}-{task}") });
                    let answer = post(&mut connection, Some(token), query, &json!({ "in": input })).await?;
                    if !answer["data"]["resolveTask"].is_object() {
                        return Err(answer.to_string().into());
                    }
                    cast += 1;
                }
            }
            Ok::<u64, Failure>(cast)
        }));
    }
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    over.store(true, Ordering::Relaxed);
    let mut all = 0;
    for voter in voters {
        all += voter.await??;
    }
    Ok(all * 1_000 / u64::try_from(begun.elapsed().as_millis())?.max(1))
}

type Connection = SendRequest<String>;

async fn connect(address: &str) -> Result<Connection, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn post(
    connection: &mut Connection,
    token: Option<&str>,
    query: &str,
    variables: &Value,
) -> Result<Value, Failure> {
    let mut request = hyper::Request::post("/api/graphql")
        .header("host", "localhost")
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = json!({ "query": query, "variables": variables }).to_string();
    let answer = connection.send_request(request.body(body)?).await?;
    let bytes = http_body_util::BodyExt::collect(answer.into_body()).await?.to_bytes();
    Ok(serde_json::from_slice(&bytes)?)
}

async fn log_in(address: &str, username: &str) -> Result<String, Failure> {
    let query = "mutation($u: String!) { tokenAuth(username: $u, password: \"password\") { token } }";
    let answer = post(&mut connect(address).await?, None, query, &json!({ "u": username })).await?;
    Ok(answer["data"]["tokenAuth"]["token"].as_str().ok_or_else(|| answer.to_string())?.to_owned())
}

/// Listens by a WebSocket, of which only frames of texts are read: it must take little itself.
async fn listen(
    address: &str,
    token: &str,
    told: &AtomicU64,
    ready: &mpsc::Sender<()>,
) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let head = "GET /api/graphql/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut last = [0_u8; 4];
    while &last != b"\r\n\r\n" {
        last.rotate_left(1);
        last[3] = stream.read_u8().await?;
    }
    let init =
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } });
    send(&mut stream, 1, init.to_string().as_bytes()).await?;
    let query = "subscription { taskChanged { cursor signal task { uuid version status } } }";
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query } });
    send(&mut stream, 1, subscribe.to_string().as_bytes()).await?;
    // Few calls of the system and little work for each frame, as they are made where the server runs too.
    let mut buffer = Vec::with_capacity(READ);
    loop {
        let mut read = 0;
        while let Some(Received { kind, body, end }) = Received::first(&buffer[read..]) {
            match kind {
                1 => {
                    let text = std::str::from_utf8(body)?;
                    if text.contains("CREATED") {
                        told.fetch_add(1, Ordering::SeqCst);
                    } else if text.contains("READY") {
                        ready.send(()).await?;
                    }
                }
                8 => return Err(String::from_utf8_lossy(body).into_owned().into()),
                9 => send(&mut stream, 10, body).await?,
                _ => {}
            }
            read += end;
        }
        buffer.drain(..read);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err("the server has gone".into());
        }
    }
}

/// A frame of the server.
struct Received<'a> {
    kind: u8,
    body: &'a [u8],
    /// How many bytes it takes.
    end: usize,
}

impl<'a> Received<'a> {
    /// The first frame of these bytes; none if it has not come whole.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(2)?;
        let (begins, length) = match head[1] {
            126 => (4, usize::from(u16::from_be_bytes(*body.first_chunk()?))),
            // Longer ones are not sent here.
            short => (2, usize::from(short)),
        };
        let end = begins + length;
        Some(Self { kind: head[0] & 15, body: bytes.get(begins..end)?, end })
    }
}

/// Sends a frame, masked by nothing.
async fn send(stream: &mut (impl AsyncWrite + Unpin), kind: u8, body: &[u8]) -> Result<(), Failure> {
    let length = u16::try_from(body.len())?;
    let mut frame = vec![0x80 | kind];
    match u8::try_from(length) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0xFE);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(body);
    stream.write_all(&frame).await?;
    Ok(stream.flush().await?)
}
