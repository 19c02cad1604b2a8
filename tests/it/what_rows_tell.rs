//! What rows tell of people and groups: the same by fields, filters and batches.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::scenario::{each, nodes};
use crate::support::{Client, apply, on_both};

const MEMBERS: &str = "code taskexecutorSet { edges { node { user { username } } } }";
const MEMBERS_BY_LIST: &str = "code taskexecutorSet(first: 50) { edges { node { user { username } } } }";

/// The codes of groups with the names of those who are shown to sit there.
fn shown(groups: &[&Value]) -> Vec<(String, Vec<String>)> {
    let names = |group: &&Value| {
        let users: Vec<Value> = each(&nodes(&group["taskexecutorSet"]), "user");
        let names = users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect();
        (group["code"].as_str().expect("a code").to_owned(), names)
    };
    groups.iter().map(names).collect()
}

fn group(code: &str, names: &[&str]) -> (String, Vec<String>) {
    (code.to_owned(), names.iter().map(ToString::to_string).collect())
}

#[apply(on_both)]
async fn groups_are_named_and_who_sits_there_is_shown_where_one_is_asked_too(app: TestApp) {
    let (first, beside, later) = (
        app.group("FIRST", Any, &["exec1"]).await,
        app.group("BESIDE", All, &["exec2"]).await,
        app.group("LATER", All, &["exec3", "exec4"]).await,
    );
    let steps = json!([
        { "taskGroupId": first, "order": 1 }, { "taskGroupId": beside, "order": 1 }, { "taskGroupId": later, "order": 2 },
    ]);
    let flow = app.flow_of(json!({ "code": "TOLD", "steps": steps })).await;
    let task = app.task_on(&flow).await;
    let mut exec1 = app.user("exec1").await;
    for members in [MEMBERS, MEMBERS_BY_LIST] {
        let query = format!(
            "{{ task(id: \"{task}\") {{ edges {{ node {{ flow {{ steps {{ taskGroup {{ {members} }} }} }} }} }} }} }}"
        );
        let answer = exec1.graphql(&query).await;
        let steps = answer.data("task")["edges"][0]["node"]["flow"]["steps"].clone();
        let groups: Vec<&Value> =
            steps.as_array().expect("steps").iter().map(|step| &step["taskGroup"]).collect();
        let known = [group("FIRST", &["exec1"]), group("BESIDE", &["exec2"]), group("LATER", &[])];
        assert_eq!(shown(&groups), known, "{members}");
        // Who may search groups sees all of them.
        let answer = app.user("triage").await.graphql(&query).await;
        let steps = answer.data("task")["edges"][0]["node"]["flow"]["steps"].clone();
        let groups: Vec<&Value> =
            steps.as_array().expect("steps").iter().map(|step| &step["taskGroup"]).collect();
        assert_eq!(shown(&groups)[2], group("LATER", &["exec3", "exec4"]));
    }
}

/// Whether the answer has rows, and no errors.
async fn found(client: &mut Client, query: &str) -> bool {
    let answer = client.graphql(query).await;
    assert!(answer.codes().is_empty(), "{query}: {}", answer.text);
    answer.body["data"]["task"]["edges"][0]["node"]["taskGroup"]["taskexecutorSet"]["edges"]
        .as_array()
        .is_some_and(|edges| !edges.is_empty())
}

#[apply(on_both)]
async fn what_i_user_hides_is_not_found_out_by_filters(app: TestApp) {
    let together = app.group("TOGETHER", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&together).await;
    let other = "(SELECT id FROM core_user WHERE username = 'exec2')";
    app.run(&format!(
        "UPDATE core_user SET email = 'two@example.org', phone = '222', language = 'fr' WHERE id = {other}"
    ));
    let number =
        app.count("SELECT CAST(interactive_user_id AS bigint) FROM core_user WHERE username = 'exec2'");
    let (mut exec1, mut triage) = (app.user("exec1").await, app.user("triage").await);
    for filter in [
        "user_IUser_LanguageId: \"fr\"".to_owned(),
        format!("user_IUser_Id: \"{number}\""),
        "user_IUser_Email_Iexact: \"two@example.org\"".to_owned(),
        "user_IUser_Phone_Iexact: \"222\"".to_owned(),
    ] {
        let query = format!(
            "{{ task(id: \"{task}\") {{ edges {{ node {{ taskGroup {{ taskexecutorSet({filter}) {{ edges {{ node {{ id }} }} }} }} }} }} }} }}"
        );
        assert!(!found(&mut exec1, &query).await, "{filter}");
        assert!(found(&mut triage, &query).await, "{filter}");
    }
    // Of oneself one learns it, and by names, which everybody sees, one finds everybody.
    let by_name = |name: &str, more: &str| {
        format!(
            "{{ task(id: \"{task}\") {{ edges {{ node {{ taskGroup {{ taskexecutorSet(user_Username: \"{name}\" {more}) \
             {{ edges {{ node {{ id }} }} }} }} }} }} }} }}"
        )
    };
    assert!(found(&mut exec1, &by_name("exec2", "")).await);
    assert!(found(&mut exec1, &by_name("exec1", "user_IUser_IsAssociated: true")).await);
    assert!(!found(&mut exec1, &by_name("exec2", "user_IUser_IsAssociated: true")).await);
}
