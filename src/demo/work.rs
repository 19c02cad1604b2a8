//! What people propose in the demo: tasks that read like those of a social protection programme.

use serde_json::{Value, json};
use tasks_management::CreateTask;

/// The sources of the demo. The first is bound to a group in which all must approve, the second to one in which two are
/// enough, the third to none, and the last to a flow.
pub const SOURCES: [&str; 4] =
    ["BeneficiaryService", "PaymentService", "BenefitPlanService", "EnrolmentReview"];

const NAMES: [&str; 12] = [
    "Amina Yusuf",
    "Kofi Boateng",
    "Sunita Gurung",
    "Jean-Pierre Nkurunziza",
    "Fatou Sow",
    "Ram Bahadur Thapa",
    "Grace Wanjiru",
    "Ibrahim Kamara",
    "Lakshmi Perera",
    "Aïssata Traoré",
    "Daniel Mwangi",
    "Nimal Fernando",
];

const VILLAGES: [&str; 6] = ["Ashaiman", "Kibera", "Thiès", "Gorkha", "Matara", "Makeni"];

const PLANS: [&str; 7] = [
    "School meals",
    "Old-age grant",
    "Seeds and tools",
    "Mother and child grant",
    "Public works",
    "Disability grant",
    "Winter fuel",
];

/// What is proposed as the `number`-th.
pub fn proposal(number: u32) -> CreateTask {
    // Each kind goes round by itself: two tasks that read the same would look like one that is there twice.
    let (kind, turn) = (number as usize % SOURCES.len(), number as usize / SOURCES.len());
    let name = NAMES[(turn + 3 * kind) % NAMES.len()];
    let village = VILLAGES[turn % VILLAGES.len()];
    let source = SOURCES[kind];
    let (event, entity, data) = match kind {
        0 => household(number, name, village),
        1 => payment(number, name),
        2 => plan(number, PLANS[turn % PLANS.len()]),
        _ => enrolment(number, name, village),
    };
    CreateTask {
        source: Some(source.to_owned()),
        business_event: Some(format!("{source}.{event}")),
        entity_type: Some("demo.case".to_owned()),
        entity_id: Some(number.to_string()),
        entity_string: Some(entity),
        data: Some(data.into()),
        priority: Some(if number % 7 == 3 { 80 } else { 50 }),
        ..CreateTask::default()
    }
}

fn household(number: u32, name: &str, village: &str) -> (&'static str, String, Value) {
    let members = json!([
        { "name": name, "born": "1984-03-02", "role": "head" },
        { "name": "Esi", "born": "2015-11-20", "role": "child" },
    ]);
    let mut more = members.clone();
    if let Some(list) = more.as_array_mut() {
        list.push(json!({ "name": "Kwame", "born": "2026-08-14", "role": "child" }));
    }
    let data = json!({
        "current_data": {
            "household": format!("HH-{}", 1000 + number), "head": name, "address": { "village": village, "house": "12" },
            "phone": "+233 20 555 0100", "members": members, "monthly_amount": 250,
        },
        "incoming_data": {
            "household": format!("HH-{}", 1000 + number), "head": name, "address": { "village": village, "house": "47 B" },
            "phone": "+233 20 555 0199", "members": more, "monthly_amount": 250 + 40, "note": "Birth certificate was shown.",
        },
    });
    ("update", format!("Household of {name}: new child, new address"), data)
}

fn payment(number: u32, name: &str) -> (&'static str, String, Value) {
    let (old, new) =
        (format!("GH{:08}", 2_000_000 + number * 37), format!("GH{:08}", 9_000_000 + number * 41));
    let data = json!({
        "current_data": { "payee": name, "account": old, "bank": "Rural Bank", "amount": 250, "currency": "GHS", "suspended": false },
        "incoming_data": { "payee": name, "account": new, "bank": "Post Bank", "amount": 250, "currency": "GHS", "suspended": false },
    });
    ("change_account", format!("Payments to {name}: another bank account"), data)
}

fn plan(number: u32, name: &str) -> (&'static str, String, Value) {
    let data = json!({
        "current_data": { "plan": name, "valid_to": "2026-12-31", "ceiling": 12_000, "districts": ["Tema", "Ada East"] },
        "incoming_data": { "plan": name, "valid_to": "2027-12-31", "ceiling": 12_000 + number * 50, "districts": ["Tema", "Ada East", "Ningo"] },
    });
    ("extend", format!("{name}: one more year, one more district"), data)
}

fn enrolment(number: u32, name: &str, village: &str) -> (&'static str, String, Value) {
    let data = json!({
        "applicant": name, "village": village, "born": "1991-07-30", "score": 31 + number % 20,
        "documents": ["identity card", "proof of residence"], "answers": { "income": 90, "dependants": 4, "disability": false },
    });
    ("enrol", format!("{name} applies for the cash grant"), data)
}

/// The source of imports, whose tasks go through a flow record by record.
pub const IMPORT: &str = "import_valid_items";

/// An import that is decided record by record.
pub fn import() -> CreateTask {
    let record = |at: u32| {
        let name = format!("{} {}", NAMES[at as usize % NAMES.len()], 100 + at);
        json!({ "id": format!("R-{at:04}"), "name": name, "village": VILLAGES[at as usize % VILLAGES.len()], "score": 20 + at * 7 % 60 })
    };
    CreateTask {
        source: Some(IMPORT.to_owned()),
        business_event: Some(format!("{IMPORT}.enrol")),
        entity_string: Some("Import of 200 applicants from Makeni".to_owned()),
        data: Some(json!({ "records": (1..=200).map(record).collect::<Vec<_>>() }).into()),
        ..CreateTask::default()
    }
}
