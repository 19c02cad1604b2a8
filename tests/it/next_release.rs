//! The pages of the next openIMIS release, with its front end's own requests: the list of flows, the editor of a flow, and the
//! task page with assignment picker, stepper and decisions.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::front_end::{Document, assert_readable, document, documents, nodes, send};
use crate::support::scenario::{each, key, parsed};
use crate::support::{Answer, Client, TestApp, apply, on_both, stable};

/// The front end's requests, as [`documents`] reads them.
pub const DOCUMENTS: &str = include_str!("../contract/next-release-documents.json");

/// A page of the front end in somebody's browser.
struct Page {
    client: Client,
    all: Vec<Document>,
    mutations: usize,
}

impl Page {
    async fn of(app: &TestApp, username: &str) -> Self {
        Self { client: app.browser(username).await, all: documents(DOCUMENTS), mutations: 0 }
    }

    /// Sends a document with what stands for its marks, and with variables of its own.
    async fn ask(&mut self, name: &str, marks: &[(&str, &str)], variables: Option<Value>) -> Answer {
        let document = document(&self.all, name);
        let query = marks
            .iter()
            .fold(document.query.clone(), |query, (mark, value)| query.replace(&format!("#{mark}"), value));
        assert!(!query.contains("\"#"), "{query}");
        let answer = send(&mut self.client, &query, variables.as_ref().or(document.variables.as_ref())).await;
        assert!(answer.body.get("errors").is_none(), "{name}: {}", answer.text);
        assert_readable(&answer, name);
        answer
    }

    /// Sends a mutation and polls its entry of the journal; returns `ok`, or the code and the field that the entry names.
    async fn mutate(&mut self, name: &str, marks: &[(&str, &str)]) -> String {
        self.mutations += 1;
        let id = format!("{name} {}", self.mutations);
        let marks = [marks, &[("mutation", id.as_str())]].concat();
        let answer = self.ask(name, &marks, None).await;
        let (_, payload) = answer.body["data"].as_object().expect("data").iter().next().expect("a payload");
        assert_eq!(payload["clientMutationId"], json!(id));
        let entry = self
            .client
            .rows("mutationLogs", &format!("(clientMutationId: \"{id}\")"), "status error")
            .await
            .remove(0);
        let error = parsed(&entry["error"]);
        match entry["status"].as_i64() {
            Some(2) => "ok".to_owned(),
            _ => format!(
                "{} {}",
                error[0]["code"].as_str().unwrap_or("?"),
                error[0]["detail"].as_str().unwrap_or("?")
            ),
        }
    }

    /// The flow page's flow.
    async fn flow(&mut self, variables: Value) -> Value {
        let found = nodes(&self.ask("flow page/load", &[], Some(variables)).await, "taskFlow");
        assert!(found.len() <= 1, "{found:?}");
        found.into_iter().next().unwrap_or_default()
    }

    /// The task page's task.
    async fn task(&mut self, id: &str) -> Value {
        nodes(&self.ask("task page/load", &[("task", id)], None).await, "task").remove(0)
    }

    /// The decisions on a task, page by page until no page follows; and how many pages there were.
    async fn decisions(&mut self, task: &str) -> (Vec<Value>, usize) {
        let mut answer = self.ask("task page/decisions", &[("task", task)], None).await;
        let (mut found, mut pages) = (nodes(&answer, "taskDecision"), 1);
        while answer.data("taskDecision")["pageInfo"]["hasNextPage"] == true {
            let cursor = text(&answer.data("taskDecision")["pageInfo"]["endCursor"]);
            let marks = [("task", task), ("cursor", cursor.as_str())];
            answer = self.ask("task page/more decisions", &marks, None).await;
            found.extend(nodes(&answer, "taskDecision"));
            pages += 1;
        }
        assert_eq!(answer.data("taskDecision")["totalCount"], json!(found.len()));
        (found, pages)
    }

    /// Whether the vote buttons are off, as the page works it out: somebody's own decision on the whole task is of the present
    /// step.
    async fn has_voted(&mut self, username: &str, task: &str) -> bool {
        let step = self.task(task).await["currentStep"]["id"].clone();
        let own = |decision: &Value| {
            decision["user"]["username"] == username
                && decision["flowStep"]["id"] == step
                && decision["recordId"].is_null()
        };
        self.decisions(task).await.0.iter().any(own)
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[apply(on_both)]
async fn the_flow_list_pages_through_the_heads(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    for number in 10..22 {
        app.flow(&format!("F{number}"), &[&group]).await;
    }
    let mut page = Page::of(&app, "admin").await;
    let row = page.flow(json!({ "code": "F15" })).await;
    let steps = json!([{ "taskGroupId": group, "completionPolicy": "ALL" }]);
    app.done("admin", "replaceTaskFlow", json!({ "id": row["uuid"], "steps": steps })).await;
    let gone = page.flow(json!({ "code": "F12" })).await;
    assert_eq!(page.mutate("flow list/delete", &[("flow", &text(&gone["uuid"]))]).await, "ok");
    let first = page.ask("flow list/first page", &[], None).await;
    let cursor = text(&first.data("taskFlow")["pageInfo"]["endCursor"]);
    let next = page.ask("flow list/next page", &[("cursor", &cursor)], None).await;
    let pages = json!([first.data("taskFlow"), next.data("taskFlow")]);
    insta::assert_snapshot!("pages", stable(&pages, &[]));
}

#[apply(on_both)]
async fn the_flow_editor_creates_updates_and_replaces(app: TestApp) {
    let one = app.group("ONE", All, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec2", "exec3"]).await;
    let mut page = Page::of(&app, "admin").await;
    let groups = [("code", "F1"), ("first", one.as_str()), ("second", two.as_str())];
    assert_eq!(page.mutate("flow page/create", &groups).await, "ok");
    let made = page.flow(json!({ "code": "F1" })).await;

    let id = text(&made["uuid"]);
    let marks = [&groups[..], &[("flow", id.as_str())]].concat();
    assert_eq!(page.mutate("flow page/update", &marks).await, "ok");
    let named = page.flow(json!({ "taskFlowUuid": id })).await;
    assert_eq!(
        (&named["name"], &named["taskSources"], &named["code"]),
        (&json!(null), &json!([]), &json!("F1"))
    );
    assert_eq!(page.mutate("flow page/update with its steps", &marks).await, "ok");
    let renamed = page.flow(json!({ "taskFlowUuid": id })).await;
    assert_eq!((&renamed["name"], &renamed["steps"]), (&json!("Renamed"), &made["steps"]));
    let other_code = [("code", "F2"), ("flow", id.as_str())];
    assert_eq!(page.mutate("flow page/update", &other_code).await, "VALIDATION code");
    let other_steps =
        [("code", "F1"), ("flow", id.as_str()), ("first", two.as_str()), ("second", one.as_str())];
    assert_eq!(page.mutate("flow page/update with its steps", &other_steps).await, "VALIDATION steps");

    let under_way = app.task_on(&id).await;
    assert_eq!(page.mutate("flow page/replace", &marks).await, "ok");
    let head = page.flow(json!({ "code": "F1" })).await;
    assert_eq!(page.flow(json!({ "taskFlowUuid": id })).await, Value::Null, "it is superseded");
    let old = page.flow(json!({ "taskFlowUuid": id, "showSuperseded": true })).await;
    let known = [("one", one.as_str()), ("two", &two)];
    insta::assert_snapshot!("made_superseded_and_its_head", stable(&json!([made, old, head]), &known));
    assert_eq!(page.task(&under_way).await["flow"]["uuid"], json!(id), "what is under way stays");
    assert_eq!(page.mutate("flow page/replace", &marks).await, "CONFLICT id", "it is not the head");
    assert_eq!(page.mutate("flow list/delete", &[("flow", &text(&head["uuid"]))]).await, "CONFLICT ?");
}

#[apply(on_both)]
async fn replacing_takes_over_what_is_absent_and_may_give_another_code(app: TestApp) {
    let one = app.group_with("ONE", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let two = app.group("TWO", Any, &["exec2", "exec3"]).await;
    let steps = json!([
        { "taskGroupId": one, "threshold": 3, "forbidMaker": true },
        { "taskGroupId": two, "order": 5, "policy": { "kind": "PERCENT", "threshold": 60 }, "distinctDeciders": false },
    ]);
    let id =
        app.flow_of(json!({ "code": "KEPT", "name": "Name", "taskSources": ["kept"], "steps": steps })).await;
    let before = app.flow_row(&id).await;
    let said = |flow: &Value| {
        let fields = [
            "order",
            "taskGroup",
            "completionPolicy",
            "threshold",
            "policy",
            "forbidMaker",
            "distinctDeciders",
        ];
        let steps = flow["steps"].as_array().expect("a list");
        (flow["name"].clone(), flow["taskSources"].clone(), fields.map(|field| each(steps, field)))
    };
    app.done("admin", "replaceTaskFlow", json!({ "id": id })).await;
    let head = app.flow_row(&text(&app.flow_row(&id).await["replacementUuid"])).await;
    assert_eq!(said(&head), said(&before));
    assert_eq!((&head["code"], &head["lineageId"]), (&json!("KEPT"), &json!(id)));
    app.flow("TAKEN", &[&one]).await;
    for code in ["TAKEN", "", " X"] {
        let input = json!({ "id": head["uuid"], "code": code });
        assert_eq!(app.refused("admin", "replaceTaskFlow", input).await, "VALIDATION code", "{code:?}");
    }
    app.done("admin", "replaceTaskFlow", json!({ "id": head["uuid"], "code": "MOVED", "name": "" })).await;
    let mut page = Page::of(&app, "admin").await;
    assert_eq!(page.flow(json!({ "code": "KEPT" })).await, Value::Null);
    let moved = page.flow(json!({ "code": "MOVED" })).await;
    assert_eq!((&moved["name"], &moved["taskSources"]), (&json!(null), &json!(["kept"])));
    app.flow("KEPT", &[&one]).await;
    let text =
        app.refusal_text("admin", "updateTaskFlow", json!({ "id": moved["uuid"], "code": "KEPT" })).await;
    assert!(text.contains("MOVED") && text.contains("replaceTaskFlow"), "{text}");
}

#[apply(on_both)]
async fn a_step_whose_pool_is_empty_is_seen_as_such(app: TestApp) {
    let group = app.group("ONE", All, &["exec1"]).await;
    app.flow("F1", &[&group]).await;
    app.set_executors(&group, &[]).await;
    let flow = Page::of(&app, "admin").await.flow(json!({ "code": "F1" })).await;
    assert_eq!(flow["steps"][0]["taskGroup"]["taskexecutorSet"]["totalCount"], 0);
}

#[apply(on_both)]
async fn the_assignment_picker_gives_a_task_to_a_flow_and_to_a_group_until_somebody_decides(app: TestApp) {
    let one = app.group("P-ONE", All, &["exec1", "exec2"]).await;
    let two = app.group_with("P-TWO", N, Some(2), &["exec2", "exec3"], &[]).await;
    let flow = app.flow("P-FLOW", &[&one, &two]).await;
    let mut page = Page::of(&app, "triage").await;
    let picker = page.ask("task page/assignment picker", &[], Some(json!({ "search": "p-" }))).await;
    let known = [("flow", flow.as_str()), ("one", &one), ("two", &two)];
    insta::assert_snapshot!("targets", stable(picker.data("taskAssignmentTargets"), &known));
    let task = app.task(CreateTask::default()).await;
    let marks = [("task", task.as_str()), ("flow", flow.as_str()), ("group", two.as_str())];
    let place = async |page: &mut Page| {
        let row = page.task(&task).await;
        (row["status"].clone(), row["flow"]["code"].clone(), row["taskGroup"]["code"].clone())
    };
    let on_flow = (json!("ACCEPTED"), json!("P-FLOW"), json!("P-ONE"));
    let in_group = (json!("ACCEPTED"), json!(null), json!("P-TWO"));
    assert_eq!(page.mutate("task page/assign a flow", &marks).await, "ok");
    assert_eq!(place(&mut page).await, on_flow);
    assert_eq!(page.mutate("task page/assign a group", &marks).await, "CONFLICT taskGroupId");
    assert_eq!(page.mutate("task page/assign a group, out of its flow", &marks).await, "ok");
    assert_eq!(place(&mut page).await, in_group);
    assert_eq!(page.mutate("task page/assign a flow beside a group", &marks).await, "ok");
    assert_eq!(place(&mut page).await, on_flow);
    // The group of the step at which it is.
    let own = [("task", task.as_str()), ("group", one.as_str())];
    assert_eq!(page.mutate("task page/assign a group, out of its flow", &own).await, "ok");
    assert_eq!(place(&mut page).await, (json!("ACCEPTED"), json!(null), json!("P-ONE")));
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskpool"), 0);
    assert_eq!(page.mutate("task page/assign a flow", &marks).await, "ok");

    assert_eq!(page.task(&task).await["decisionCount"], 0, "the picker is open");
    app.approve("exec1", &task).await;
    assert_eq!(page.task(&task).await["decisionCount"], 1, "the picker is locked");
    assert_eq!(page.mutate("task page/assign a group, out of its flow", &marks).await, "CONFLICT detachFlow");
    assert_eq!(app.propose("admin", &task, json!({ "amount": 2 })).await, "ok");
    assert_eq!(page.task(&task).await["decisionCount"], 0, "the vote was on something else");
    assert_eq!(page.mutate("task page/assign a group, out of its flow", &marks).await, "ok");
    assert_eq!(place(&mut page).await, in_group);
    app.approve("exec2", &task).await;
    app.approve("exec3", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn the_task_page_shows_the_stepper_and_who_decided_what(backend: Backend) {
    let app = TestApp::start_with(backend, |settings| settings.limits.page_size = 3, |builder| builder).await;
    let one = app.group("ONE", All, &["exec1", "exec2", "exec3"]).await;
    let two = app.group_with("TWO", N, Some(2), &["exec1", "exec4", "exec5"], &[]).await;
    let id = app.flow("LINE", &[&one, &two]).await;
    let task = app.task_on(&id).await;
    let mut page = Page::of(&app, "exec1").await;
    let flow = Page::of(&app, "admin").await.flow(json!({ "taskFlowUuid": id })).await;
    assert!(!page.has_voted("exec1", &task).await);
    app.approve("exec1", &task).await;
    assert!(page.has_voted("exec1", &task).await, "the step has one id wherever it is shown");
    for who in ["exec2", "exec3"] {
        app.approve(who, &task).await;
    }
    let row = page.task(&task).await;
    assert_eq!(row["currentStep"]["id"], flow["steps"][1]["id"], "one id in the stepper too");
    assert!(!page.has_voted("exec1", &task).await, "nobody has decided the second step");
    app.approve("exec1", &task).await;
    let (decisions, pages) = page.decisions(&task).await;
    assert_eq!(pages, 2);
    let known = [("one", one.as_str()), ("two", &two)];
    insta::assert_snapshot!("decisions", stable(&json!(decisions), &known));
    assert_eq!(page.task(&task).await["decisionCount"], 4);

    assert_eq!(app.propose("admin", &task, json!({ "amount": 2 })).await, "ok");
    assert_eq!(page.decisions(&task).await.0, Vec::<Value>::new(), "stale votes disable nobody's buttons");
    assert_eq!(page.task(&task).await["decisionCount"], 0);
    assert!(!page.has_voted("exec1", &task).await);
    let query = format!("(taskId: \"{task}\", isStale: true, first: 2)");
    assert_eq!(app.user("admin").await.rows("taskDecision", &query, "isStale").await.len(), 2);
    assert_eq!(app.vote("exec2", &task, json!("FAILED")).await, "ok");
    assert_eq!(page.task(&task).await["status"], "FAILED");
    assert_eq!(each(&page.decisions(&task).await.0, "decision"), [json!("FAILED")]);
}

#[apply(on_both)]
async fn records_are_shown_as_rejected_at_the_first_step_that_rejects_them(app: TestApp) {
    let one = app.group("ONE", All, &["exec1"]).await;
    let two = app.group("TWO", All, &["exec2"]).await;
    let flow = app
        .flow_of(json!({ "code": "BATCH", "taskSources": ["import_valid_items"],
                                   "steps": [{ "taskGroupId": one }, { "taskGroupId": two }] }))
        .await;
    let task = app.task_from("import_valid_items").await;
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": ["a", "b"], "REJECT": ["c"] })).await, "ok");
    let mut page = Page::of(&app, "exec2").await;
    assert!(!page.has_voted("exec2", &task).await);
    assert_eq!(app.vote("exec2", &task, json!({ "ACCEPT": ["a"], "REJECT": ["b", "c"] })).await, "ok");
    let (decisions, _) = page.decisions(&task).await;
    let rejected_at = |record: &str| {
        let rejects =
            |decision: &&Value| decision["decision"] == "REJECTED" && decision["recordId"] == record;
        decisions.iter().filter(rejects).filter_map(|decision| decision["flowStep"]["order"].as_i64()).min()
    };
    assert_eq!([rejected_at("a"), rejected_at("b"), rejected_at("c")], [None, Some(2), Some(1)]);
    assert_eq!(page.task(&task).await["decisionCount"], 6);
    let mut admin = app.user("admin").await;
    for (filter, count) in [
        ("decision: REJECTED", 3),
        ("decision_Iexact: APPROVED", 3),
        ("decision: FAILED", 0),
        ("recordId_Isnull: true", 0),
        ("recordId_Isnull: false", 6),
        ("recordId: \"c\", decision: REJECTED", 2),
    ] {
        let listed = admin.rows("taskDecision", &format!("(taskId: \"{task}\", {filter})"), "uuid").await;
        assert_eq!(listed.len(), count, "{filter}");
        let query = format!(
            "{{ task(id: \"{task}\") {{ edges {{ node {{ decisions({filter}) {{ totalCount }} }} }} }} }}"
        );
        let row = nodes(&admin.graphql(&query).await, "task").remove(0);
        assert_eq!(row["decisions"]["totalCount"], count, "{filter}");
    }
    assert_eq!(app.flow_row(&flow).await["inFlightCount"], 0);
}

#[apply(on_both)]
async fn the_group_list_shows_who_sits_there(app: TestApp) {
    app.group_with("A-FIRST", N, Some(2), &["exec1", "exec2"], &[]).await;
    let answer = Page::of(&app, "triage").await.ask("group list/first page", &[], None).await;
    let rows = nodes(&answer, "taskGroup");
    let row = rows.iter().find(|row| row["code"] == "A-FIRST").expect("it is listed");
    assert_eq!(row["taskexecutorSet"]["edges"].as_array().map(Vec::len), Some(2));
}

#[apply(on_both)]
async fn a_decision_leads_to_its_task_and_a_step_to_its_flow(app: TestApp) {
    let group = app.group("ONE", All, &["exec1", "exec2"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let task = app
        .task(CreateTask {
            flow_id: Some(key(&flow)),
            source: Some("led".to_owned()),
            ..CreateTask::default()
        })
        .await;
    app.approve("exec1", &task).await;
    let selection = "id uuid version isDeleted jsonExt dateCreated dateUpdated userCreated { username } userUpdated { username } \
                     task { uuid source decisionCount } \
                     flowStep { id isDeleted jsonExt dateUpdated userCreated { username } userUpdated { username } \
                     dateValidFrom dateValidTo replacementUuid flow { uuid dateValidFrom } }";
    let row =
        app.user("exec2").await.rows("taskDecision", "(task_Source: \"led\")", selection).await.remove(0);
    insta::assert_snapshot!("decision", stable(&row, &[("task", &task), ("flow", &flow)]));
    let step = &row["flowStep"];
    assert_eq!(step["dateValidFrom"], step["flow"]["dateValidFrom"]);
    for (filter, count) in [
        ("task_Status: ACCEPTED", 1),
        ("task_Status: FAILED", 0),
        ("task_Source_Icontains: \"LE\"", 1),
        ("task_Source_Istartswith: \"other\"", 0),
        (&*format!("task_Id: \"{task}\""), 1),
        (&*format!("task_Id: \"{flow}\""), 0),
    ] {
        let arguments =
            format!("({filter}, orderBy: [\"task__source\", \"decision\"], task_Source: \"led\")");
        let listed = app.user("admin").await.rows("taskDecision", &arguments, "uuid").await;
        assert_eq!(listed.len(), count, "{filter}");
    }
    let node = format!("{{ node(id: {}) {{ __typename id }} }}", step["id"]);
    assert_eq!(app.user("admin").await.graphql(&node).await.data("node")["id"], step["id"]);
    assert_eq!(
        app.user("exec1").await.graphql(&node).await.data("node"),
        &Value::Null,
        "flows are not listed to all"
    );
    app.replace_flow(&flow, &[&group]).await;
    let row =
        app.user("exec2").await.rows("taskDecision", "(task_Source: \"led\")", selection).await.remove(0);
    assert!(row["flowStep"]["dateValidTo"].is_string(), "it ended with its flow");
}

#[apply(on_both)]
async fn flows_are_found_by_name_and_validity(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old =
        app.flow_of(json!({ "code": "ABC", "name": "Old Name", "steps": [{ "taskGroupId": group }] })).await;
    let head = app.replace_flow(&old, &[&group]).await;
    let other = app.flow("abd", &[&group]).await;
    let mut admin = app.user("admin").await;
    for (filter, expected) in [
        ("code_Startswith: \"AB\"".to_owned(), vec![&head]),
        ("code_Istartswith: \"AB\"".to_owned(), vec![&head, &other]),
        ("code_Contains: \"b\"".to_owned(), vec![&other]),
        ("code_Icontains: \"b\"".to_owned(), vec![&head, &other]),
        ("name_Contains: \"Name\"".to_owned(), vec![&head]),
        ("name_Startswith: \"old\"".to_owned(), vec![]),
        ("name_Iexact: \"OLD NAME\"".to_owned(), vec![&head]),
        ("dateValidTo_Isnull: true".to_owned(), vec![&head, &other]),
        ("dateValidTo_Isnull: false, showSuperseded: true".to_owned(), vec![&old]),
        ("replacementUuid_Isnull: false, showSuperseded: true".to_owned(), vec![&old]),
        (format!("replacementUuid: \"{head}\", showSuperseded: true"), vec![&old]),
        (format!("replacementUuid: \"{old}\", showSuperseded: true"), vec![]),
        ("dateValidFrom_Gt: \"2000-01-01T00:00:00\"".to_owned(), vec![&head, &other]),
        ("dateValidFrom_Lte: \"2000-01-01T00:00:00\"".to_owned(), vec![]),
        ("dateValidTo_Gte: \"2000-01-01T00:00:00\", showSuperseded: true".to_owned(), vec![&old]),
        ("dateValidTo_Lt: \"2000-01-01T00:00:00\", showSuperseded: true".to_owned(), vec![]),
    ] {
        let rows = admin.rows("taskFlow", &format!("({filter}, orderBy: [\"code\"])"), "uuid").await;
        assert_eq!(each(&rows, "uuid"), expected.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{filter}");
    }
}
