//! The people and rows in the database before an attack.

use serde_json::{Value, json};

/// The key of the witness.
pub const VERA: &str = "22222222-2222-4222-8222-000000000002";
/// The source of the witness' tasks; the group bound to it is hers alone.
pub const SOURCE: &str = "Witness";

/// How many rows there are, and how much is sent.
#[derive(Clone, Copy)]
pub struct Size {
    /// Tasks that are looked through.
    pub bulk: usize,
    /// People in the large group.
    pub crowd: usize,
    /// Tasks of the large group.
    pub tasks: usize,
    /// Bytes of the data of each of them.
    pub data_bytes: usize,
    /// How long an attack lasts.
    pub seconds: u64,
    /// How many connections an attack by connections holds.
    pub connections: usize,
    /// How many webhook endpoints are made by one request.
    pub endpoints: usize,
    /// How many dispatchers are told of each event.
    pub dispatchers: usize,
    /// How many schedules of functions there are.
    pub schedules: usize,
    /// How many large requests fill a journal.
    pub large: usize,
    /// How many seconds attackers wait for the last answers.
    pub grace: u64,
    /// How often somebody logs in to have many sessions.
    pub logins: usize,
    /// How often the cost of a request of a stranger is measured.
    pub repeats: u32,
    /// Whether times are bounded: not on the small machines and debug builds of a test suite.
    pub timed: bool,
}

impl Size {
    /// The size for meaningful figures.
    pub const fn long(seconds: u64) -> Self {
        Self {
            bulk: 20_000,
            crowd: 100,
            tasks: 140,
            data_bytes: 100_000,
            seconds,
            connections: 1_008,
            endpoints: 330,
            dispatchers: 30,
            schedules: 200,
            large: 40,
            grace: 10,
            logins: 300,
            repeats: 100,
            timed: true,
        }
    }

    /// The size for a test suite.
    pub const fn short() -> Self {
        Self {
            bulk: 300,
            crowd: 30,
            tasks: 110,
            data_bytes: 50_000,
            seconds: 1,
            connections: 600,
            endpoints: 40,
            dispatchers: 8,
            schedules: 20,
            large: 3,
            grace: 2,
            logins: 130,
            repeats: 20,
            timed: false,
        }
    }
}

/// People with a part of their own: name and role. Everybody's password is the user name followed by `12345`.
const PEOPLE: [(&str, &str); 11] = [
    ("admin", "Admin"),
    // The witness, whose decisions must not be lost.
    ("vera", "Maker"),
    // An innocent person, who feels the attacks.
    ("iris", "Executor"),
    // The person whose name is guessed at.
    ("victoria", "Executor"),
    // The attackers: an executor with many tasks, a person who may see much, one with a right password and many connections,
    // one without rights, and two who may create webhook endpoints, one of whom sees all tasks.
    ("eve", "Executor"),
    ("trudy", "Overseer"),
    ("mallory", "Executor"),
    ("nils", ""),
    ("hugo", "Webhooks"),
    // Another innocent person.
    ("ruth", "Executor"),
    // One more attacker, who may make functions.
    ("fiona", "Functions"),
];

/// A file to load with all of these.
pub fn file(size: &Size) -> Value {
    let person = |number: usize| format!("22222222-2222-4222-8222-{number:012}");
    let mut users: Vec<Value> = Vec::new();
    for (number, (name, role)) in (1..).zip(PEOPLE) {
        let roles: Vec<&str> = Some(role).filter(|role| !role.is_empty()).into_iter().collect();
        users.push(json!({
            "id": person(number), "username": name, "lastName": name, "password": format!("{name}12345"), "roles": roles,
        }));
    }
    for number in 0..size.crowd {
        // None of them logs in, so no password has to be hashed.
        users.push(json!({
            "id": person(1_000 + number), "username": format!("crowd{number}"), "lastName": "Crowd",
            "legacyPasswordHash": "none", "privateKey": "none", "roles": ["Executor"],
        }));
    }
    let row = |id: String| {
        json!({
            "id": id, "isDeleted": false, "jsonExt": null, "version": 1, "userCreated": person(1), "userUpdated": person(1),
            "dateCreated": "2026-01-02T08:00:00", "dateUpdated": "2026-01-02T08:00:00",
        })
    };
    let with = |mut row: Value, more: Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        row
    };
    let group = |number: usize| format!("33333333-3333-4333-8333-{number:012}");
    let groups = json!([
        with(row(group(1)), json!({ "code": "LARGE", "completionPolicy": "ALL" })),
        with(
            row(group(2)),
            json!({ "code": "WITNESS", "completionPolicy": "ALL", "jsonExt": { "task_sources": [SOURCE] } })
        ),
    ]);
    // The executors among the people above, the crowd, and the witness by herself.
    let large = [3, 4, 5, 7, 10].into_iter().chain(1_000..1_000 + size.crowd).map(|user| (1, user));
    let executors: Vec<Value> = large
        .chain([(2, 2)])
        .map(|(place, user)| {
            let id = format!("44444444-4444-4444-8444-{:012}", place * 10_000 + user);
            with(row(id), json!({ "taskGroup": group(place), "user": person(user) }))
        })
        .collect();
    let task = |number: usize, more: Value| {
        let common = json!({
            "entityString": format!("Claim {number}"), "executorActionEvent": "default", "businessStatus": {},
            "businessEvent": "ClaimService.update",
        });
        with(with(row(format!("55555555-5555-4555-8555-{number:012}")), common), more)
    };
    let data = json!({ "text": "x".repeat(size.data_bytes) });
    let large = (0..size.tasks).map(|number| {
        let more =
            json!({ "source": "Large", "status": "ACCEPTED", "taskGroup": group(1), "data": data.clone() });
        task(number, more)
    });
    let bulk = (0..size.bulk).map(|number| {
        task(10_000 + number, json!({ "source": "Bulk", "status": "RECEIVED", "data": { "a": number } }))
    });
    json!({
        "roles": [
            { "id": 1, "name": "Admin", "isSystem": 64, "rights": [] },
            { "id": 2, "name": "Executor", "rights": [191_001, 191_003, 191_008] },
            { "id": 3, "name": "Maker", "rights": [191_001, 191_002, 191_003, 191_005] },
            { "id": 4, "name": "Overseer", "rights": [121_701, 122_001, 190_001, 191_001, 191_005, 194_001, 194_002] },
            { "id": 5, "name": "Webhooks", "rights": [194_001, 194_002] },
            { "id": 6, "name": "Functions", "rights": [195_001, 195_002, 195_005, 195_006, 195_008, 195_009] },
        ],
        "users": users,
        "taskGroups": groups,
        "taskExecutors": executors,
        "tasks": large.chain(bulk).collect::<Vec<_>>(),
    })
}
