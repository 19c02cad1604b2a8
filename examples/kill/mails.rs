//! A run about mails: tasks are made, and servers are killed while they find out who gets mails and send them, also for a dispatcher.
//! One of those who are asked changes between digests and single mails meanwhile. Each mail must have come, by itself or with one digest, and only what was under way when a server died may have come twice, with the same `Message-ID`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tasks_management::HandlerError;

use crate::client::{Client, Seen};
use crate::fleet::Fleet;
use crate::load::VOTERS;
use crate::options::Shared;
use crate::run::{drain, set_up};
use crate::store::Store;

/// How many tasks are made between two kills.
const TASKS: usize = 10;
/// How many mails one server gives to the mail server at once.
const AT_ONCE: usize = 4;

/// An address to which a dispatcher mails of each task.
const OUTSIDE: &str = "desk@elsewhere.example";

/// How often each mail came, by its `Message-ID`.
type Mails = Arc<Mutex<BTreeMap<String, usize>>>;

/// Does the run. The error says what did not match.
pub fn run(options: &Shared) -> Result<(), String> {
    let seed = options.seed();
    let mut random = StdRng::seed_from_u64(seed);
    let store = Store::create("mails", &options.database).map_err(|error| error.to_string())?;
    let processes = options.processes(&store);
    println!("mails, {processes} process(es), --kills {} --seed {seed}", options.kills);
    let begun = Instant::now();
    let voters = set_up(&store.url)?;
    let (mails, port) = serve(seed)?;
    let settings = [
        ("TASKS__MAIL__HOST", "127.0.0.1".to_owned()),
        ("TASKS__MAIL__PORT", port.to_string()),
        ("TASKS__MAIL__SECURITY", "none".to_owned()),
        ("TASKS__MAIL__FROM", "tasks@example.org".to_owned()),
        ("TASKS__MAIL__CONNECTIONS", AT_ONCE.to_string()),
        ("TASKS__MAIL__RETRY_PAUSES_S", format!("[{}]", ["1"; 60].join(", "))),
    ];
    let answers = Arc::new(Seen::default());
    let mut fleet = Fleet::start_with(&store.url, processes.max(1), &settings)?;
    let mut admin = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), 0);
    admin.log_in("admin", "admin12345")?;
    let dispatcher = json!({
        "clientMutationId": "dispatcher", "name": "outside", "signal": "task_service.create",
        "actions": [{ "kind": "MAIL", "template": "task_awaits", "addresses": [OUTSIDE] }],
    });
    admin.mutate("createTaskDispatcher", &dispatcher)??;
    let mut reader = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), 0);
    reader.log_in(VOTERS[0], &format!("{}12345", VOTERS[0]))?;
    let mut choose = |number: usize, frequency: &str| {
        let id = format!("{frequency}-{number}");
        reader.mutate("changeMailFrequency", &json!({ "clientMutationId": id, "frequency": frequency }))?
    };
    let mut tasks = 0_usize;
    while fleet.kills < options.kills {
        choose(tasks, "DAILY")?;
        for _ in 0..TASKS {
            tasks += 1;
            let input = json!({ "clientMutationId": format!("task-{tasks}"), "source": "Kill" });
            admin.mutate("createTask", &input)??;
        }
        std::thread::sleep(Duration::from_millis(random.gen_range(0..400)));
        let all: Vec<usize> = (0..fleet.len()).collect();
        let one = random.gen_range(0..fleet.len());
        let victims = if random.gen_bool(0.2) { &all[..] } else { &all[one..=one] };
        choose(tasks, "AT_ONCE")?;
        fleet.check_alive()?;
        fleet.kill(victims)?;
    }
    drain(&store)?;
    // What was left for a digest after the last change, or before that was known.
    choose(0, "WEEKLY")?;
    choose(0, "AT_ONCE")?;
    wait_for_digests(&store)?;
    drain(&store)?;
    let kills = fleet.kills;
    fleet.check_alive()?;
    fleet.stop()?;
    let mails = mails.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let twice: usize = mails.values().map(|times| times - 1).sum();
    // One for each person who is asked, and the dispatcher's.
    let expected = tasks * (voters.len() + 1);
    let mut violations = audit(&store, expected, &mails).map_err(|error| error.to_string())?;
    // As many more may have come, of which it is being written that they have.
    let most = kills * AT_ONCE * 2;
    if twice > most {
        violations.push(format!("{twice} mails came once more, but {kills} kills leave {most} under way"));
    }
    let count = |what: &str, number: &dyn std::fmt::Display| println!("{what:<42} {number:>8}");
    count("kills", &kills);
    count("requests sent again: no answer", &answers.broken_off.load(Ordering::SeqCst));
    count("tasks acknowledged", &tasks);
    count("mails", &mails.len());
    count("mails that came once more", &twice);
    count("seconds", &begun.elapsed().as_secs());
    count("violations", &violations.len());
    if violations.is_empty() {
        return store.remove().map_err(|error| error.to_string());
    }
    for violation in violations.iter().take(20) {
        println!("- {violation}");
    }
    Err(format!("what is left in {} does not fit", store.url))
}

/// Waits until nothing waits for a digest.
fn wait_for_digests(store: &Store) -> Result<(), String> {
    let since = Instant::now();
    loop {
        let waiting = "SELECT count(*) FROM task_management_taskmail WHERE status = 'WAITING'";
        let waiting = store.number(waiting).map_err(|error| error.to_string())?;
        if waiting == 0 {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(120) {
            return Err(format!("{waiting} mails wait for a digest; what is there is left in {}", store.url));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn audit(
    store: &Store,
    expected: usize,
    came: &BTreeMap<String, usize>,
) -> Result<Vec<String>, HandlerError> {
    let mut violations = Vec::new();
    let rows = store.rows(
        "SELECT message_id AS a, status AS b, CAST(entity_id AS text) AS c, CAST(attempts AS bigint) AS n \
         FROM task_management_taskmail WHERE digest_id IS NULL",
    )?;
    let listed = store.number(
        "SELECT count(*) FROM task_management_taskmail AS mail WHERE status = 'SENT' AND EXISTS (SELECT 1 \
         FROM task_management_taskmail AS digest WHERE digest.id = mail.digest_id AND digest.template = 'digest')",
    )?;
    let digests = store.number("SELECT count(*) FROM task_management_taskmail WHERE template = 'digest'")?;
    println!("{:<42} {listed:>8}\n{:<42} {digests:>8}", "mails that went with digests", "digests");
    if listed == 0 {
        violations.push("no mail went with a digest: the run tries nothing".to_owned());
    }
    let there = i64::try_from(rows.len())? - digests + listed;
    if there != i64::try_from(expected)? {
        violations.push(format!("{expected} mails are to be there, {there} are"));
    }
    for row in &rows {
        if row.b != "SENT" || !came.contains_key(&row.a) {
            let times = came.get(&row.a).copied().unwrap_or_default();
            violations
                .push(format!("the mail {} of task {} is {} and came {times} times", row.a, row.c, row.b));
        }
    }
    let known: Vec<&str> = rows.iter().map(|row| row.a.as_str()).collect();
    for stranger in came.keys().filter(|id| !known.contains(&id.as_str())) {
        violations.push(format!("the mail {stranger} came and is nowhere"));
    }
    Ok(violations)
}

/// A mail server that is slow at times, and refuses some mails for now; returns what it takes, and its port.
fn serve(seed: u64) -> Result<(Mails, u16), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let mails = Mails::default();
    let taken = Arc::clone(&mails);
    std::thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let Ok(stream) = stream else { continue };
            let (taken, mut random) = (Arc::clone(&taken), StdRng::seed_from_u64(seed.wrapping_add(number)));
            std::thread::spawn(move || converse(stream, &taken, &mut random));
        }
    });
    Ok((mails, port))
}

fn converse(mut stream: TcpStream, mails: &Mails, random: &mut StdRng) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 mailbox\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "RCPT" if random.gen_bool(0.1) => b"450 not now\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut id = None;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    if let Some(own) = line.strip_prefix("Message-ID: ") {
                        id = Some(own.to_owned());
                    }
                }
                std::thread::sleep(Duration::from_millis(random.gen_range(0..60)));
                if let Some(id) = id {
                    *mails.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
                }
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 goodbye\r\n"),
            _ => b"250 well\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
