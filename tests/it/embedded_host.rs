//! The example of a host, driven over HTTP.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::backend::TestDatabase;
use crate::support::example::{example, listening};
use crate::support::program::Server;
use crate::support::{apply, on_both};

fn start(database: &str) -> Server {
    let mut command = Command::new(example("embedded_host"));
    command.args(["127.0.0.1:0", database]);
    listening(command)
}

fn ask(server: &Server, username: &str, query: &str) -> Value {
    let token = format!("Bearer {username}-token");
    let body = json!({ "query": query }).to_string();
    let reply = server.send("POST", "/graphql", &[("Authorization", &token)], &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

fn vote(server: &Server, username: &str, user_id: &str, task: &str) -> Value {
    let query = format!(
        "mutation {{ resolveTask(input: {{ id: \"{task}\", clientMutationId: \"{username}\", \
         businessStatus: \"{{\\\"{user_id}\\\": \\\"APPROVED\\\"}}\" }}) {{ clientMutationId internalId }} }}"
    );
    ask(server, username, &query)
}

#[apply(on_both)]
async fn the_embedded_host_writes_what_was_approved_in_the_last_approval(backend: Backend) {
    let database = TestDatabase::create(backend);
    let server = start(&database.url);
    let beneficiaries = "{ beneficiaries { id householdSize approvedBy } }";
    let before = ask(&server, "rosa", beneficiaries);
    assert_eq!(
        before["data"]["beneficiaries"][0],
        json!({ "id": "1", "householdSize": 3, "approvedBy": "nobody" })
    );

    let bad = "mutation { proposeBeneficiaryUpdate(id: \"1\", input: { householdSize: 99 }) }";
    assert_eq!(ask(&server, "rosa", bad)["errors"][0]["extensions"]["field"], "household_size");
    let propose = "mutation { proposeBeneficiaryUpdate(id: \"1\", input: { householdSize: 4 }) }";
    let proposed = ask(&server, "rosa", propose);
    let task = proposed["data"]["proposeBeneficiaryUpdate"].as_str().unwrap_or_else(|| panic!("{proposed}"));
    assert_eq!(ask(&server, "rosa", propose)["errors"][0]["extensions"]["code"], "CONFLICT");
    // Executors may not propose.
    assert_eq!(ask(&server, "amir", propose)["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let list = "{ task(source: \"BeneficiaryService\") { totalCount edges { node { uuid status entityDisplay businessData } } } }";
    let seen = ask(&server, "amir", list);
    let row = &seen["data"]["task"]["edges"][0]["node"];
    assert_eq!((&row["uuid"], &row["entityDisplay"]), (&json!(task), &json!("Abena Mensah")), "{seen}");

    let proposals = "{ proposals(id: \"1\") }";
    assert_eq!(ask(&server, "amir", proposals)["data"]["proposals"], json!([task]));

    vote(&server, "amir", "10000000-0000-4000-8000-000000000003", task);
    assert_eq!(ask(&server, "rosa", beneficiaries), before, "one of two has approved");
    vote(&server, "lin", "10000000-0000-4000-8000-000000000004", task);
    let after = ask(&server, "rosa", beneficiaries);
    assert_eq!(
        after["data"]["beneficiaries"][0],
        json!({ "id": "1", "householdSize": 4, "approvedBy": "lin" })
    );

    assert_eq!(ask(&server, "amir", proposals)["data"]["proposals"], json!([]), "it is decided");

    let stranger = server.send("POST", "/graphql", &[], &json!({ "query": beneficiaries }).to_string());
    assert_eq!(stranger.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{stranger:?}");
}
