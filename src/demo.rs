//! The demo: a fresh database in a folder of its own, with people, groups and a flowing stream of tasks.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tasks_management::config::Introspection;
use tasks_management::{
    AssignTask, Builder, CompletionPolicy, CreateTask, CreateTaskComment, CreateTaskFlow, LoadFile,
    ResolveTask, Settings, Signals, TaskFlowStepInput, TaskManagement, cli, cli::say,
};

/// People and groups of the demo, in the form that `load` reads.
const SAMPLE: &str = include_str!("demo.json");

/// The people of the demo, with their passwords and their parts.
const PEOPLE: &[(&str, &str, &str)] = &[
    ("admin", "admin123", "administrator: sees and does everything"),
    ("triage", "triage123", "triage: assigns tasks and administers groups and flows"),
    ("maker", "maker123", "maker: proposes changes"),
    ("ada", "ada12345", "executor of FIELD-OFFICE and PAYMENTS"),
    ("ben", "ben12345", "executor of FIELD-OFFICE and PAYMENTS"),
    ("chi", "chi12345", "executor of FIELD-OFFICE, reads French"),
];

/// The sources of the demo. The first is bound to a group in which all must approve, the second to one in which two are
/// enough, the third to none, and the last to a flow.
const SOURCES: [&str; 4] = ["BeneficiaryService", "PaymentService", "BenefitPlanService", "EnrolmentReview"];

/// A task that has been overdue since January. Nobody can say that of a new task, but one may be loaded.
fn overdue() -> serde_json::Value {
    let (maker, moment) = ("11111111-1111-4111-8111-000000000003", "2026-01-05T08:00:00");
    json!({ "tasks": [{
        "id": "44444444-4444-4444-8444-000000000001", "isDeleted": false, "jsonExt": null, "version": 1,
        "dateCreated": moment, "dateUpdated": moment, "userCreated": maker, "userUpdated": maker,
        "source": SOURCES[0], "entityString": "overdue since January", "status": "ACCEPTED",
        "executorActionEvent": "default", "businessStatus": {}, "businessEvent": "BeneficiaryService.update",
        "taskGroup": FIELD_OFFICE, "data": { "household": 1 }, "dueDate": "2026-01-12T08:00:00",
    }] })
}

/// Groups of the demo.
const FIELD_OFFICE: &str = "22222222-2222-4222-8222-000000000001";
const PAYMENTS: &str = "22222222-2222-4222-8222-000000000002";

/// Serves the demo until Ctrl-C or SIGTERM. With `keep_url` it uses the database that the user has named, else a fresh
/// SQLite file. `reachable`: others may reach it, whose passwords everybody knows.
pub async fn run(mut settings: Settings, keep_url: bool, reachable: bool) -> Result<String, String> {
    let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
    if !reachable && !settings.http.listen.parse().is_ok_and(is_loopback) {
        return Err(format!(
            "everybody knows the demo's passwords, and others can reach {}: listen on 127.0.0.1, or add \
             --reachable-by-others if that is meant",
            settings.http.listen
        ));
    }
    let folder = std::env::temp_dir().join(format!("tasks-management-demo-{}", std::process::id()));
    if !keep_url {
        settings.database.url = format!("sqlite://{}", folder.join("tasks.db").display());
    }
    if settings.auth.secret.is_empty() {
        // A secret for as long as the demo runs. A real server gets one from its operator.
        settings.auth.secret = cli::new_secret();
    }
    settings.graphql.introspection = Introspection::Everybody;
    settings.check_secret()?;
    let listener = cli::listen(&settings)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;

    let database = settings.database.url.clone();
    let module = Builder::new(settings)
        .signals(cli::logged(Signals::builder()))
        .metrics(cli::metrics()?)
        .build()
        .map_err(say)?;
    module.migrate().await.map_err(say)?;
    let sample: LoadFile = serde_json::from_str(SAMPLE).map_err(|error| error.to_string())?;
    let overdue: LoadFile = serde_json::from_value(overdue()).map_err(|error| error.to_string())?;
    let loaded = module.load(sample).await.map_err(say)?;
    // A database that has been filled before is left as it is.
    if loaded.rows.values().any(|(added, _)| *added > 0) {
        module.load(overdue).await.map_err(say)?;
        fill(&module).await.map_err(say)?;
    }
    introduce(&address.to_string(), &database);
    println!("\nCtrl-C stops it{}.", if keep_url { "; its data stays" } else { " and removes its data" });

    let stream = tokio::spawn(flow(module.clone()));
    let ended = cli::run(&module, listener).await;
    stream.abort();
    if !keep_url {
        let _ = std::fs::remove_dir_all(&folder);
    }
    ended
}

fn introduce(address: &str, database: &str) {
    println!("The demo serves http://{address}/api/graphql (a browser gets GraphiQL there).");
    println!("Its data is in {database}\n");
    println!("Log in as:");
    for (name, password, what) in PEOPLE {
        println!("  {name:<8} {password:<10} {what}");
    }
    println!(
        r#"
Three things to try (in another terminal):
1. Log in and keep the token:
   TOKEN=$(curl -s http://{address}/api/graphql -H 'Content-Type: application/json' \
     -d '{{"query":"mutation {{ tokenAuth(username: \"ada\", password: \"ada12345\") {{ token }} }}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
2. See what waits for you:
   curl -s http://{address}/api/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
     -d '{{"query":"{{ task(awaitingMe: true, first: 3) {{ totalCount edges {{ node {{ uuid source data allowedActions claims {{ user {{ username }} }} }} }} }} }}"}}'
3. Approve one, with your own user id as the key, and look at its history:
   curl -s http://{address}/api/core/users/current_user/ -H "Authorization: Bearer $TOKEN"
   curl -s http://{address}/api/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
     -d '{{"query":"mutation {{ resolveTask(input: {{ id: \"TASK\", businessStatus: \"{{\\\"USER\\\": \\\"APPROVED\\\"}}\" }}) {{ internalId }} }}"}}'
   curl -s http://{address}/api/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
     -d '{{"query":"{{ taskHistory(id: \"TASK\") {{ edges {{ node {{ version status businessStatus historyUser {{ username }} }} }} }} }}"}}'"#
    );
}

/// Tasks in every state, so that no list is empty.
async fn fill(module: &TaskManagement) -> tasks_management::Result<()> {
    let triage = module.requester("triage").await?;
    let step = |group: &str| TaskFlowStepInput {
        task_group_id: group.parse().unwrap_or_default(),
        completion_policy: Some(CompletionPolicy::Any),
        ..TaskFlowStepInput::default()
    };
    let flow = CreateTaskFlow {
        code: "ENROLMENT".to_owned(),
        name: Some("Field office, then payments".to_owned()),
        task_sources: vec![SOURCES[3].to_owned()],
        steps: [FIELD_OFFICE, PAYMENTS].map(step).into(),
    };
    module.task_flows().create(&triage, flow).await?;
    for number in 0..12 {
        let id = create(module, number).await?;
        if number.is_multiple_of(4) {
            discuss(module, id).await?;
        }
    }
    // Some are in hand: Ada has taken the next one, and triage has given one to Ben.
    let (ada, ben) = (module.requester("ada").await?, module.requester("ben").await?);
    module.task_claims().claim_next(&ada).await?;
    let given = AssignTask { id: create(module, 25).await?, user_id: ben.id(), ..AssignTask::default() };
    module.task_claims().assign(&triage, given).await?;
    let failed = create(module, 12).await?;
    module.tasks().complete_task(&triage, failed, tasks_management::TaskStatus::Failed, None).await?;
    for number in [13, 17, 21] {
        let id = create(module, number).await?;
        for name in ["ada", "ben", "chi"] {
            vote(module, name, id, "APPROVED").await;
        }
    }
    Ok(())
}

/// Creates a new task every few seconds, and casts a vote from time to time.
async fn flow(module: TaskManagement) {
    for number in 100_u32.. {
        tokio::time::sleep(Duration::from_secs(5)).await;
        match create(&module, number).await {
            Ok(id) if number.is_multiple_of(2) => vote(&module, "ada", id, "APPROVED").await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the demo could not create a task"),
        }
    }
}

async fn create(module: &TaskManagement, number: u32) -> tasks_management::Result<uuid::Uuid> {
    let maker = module.requester("maker").await?;
    let source = SOURCES[number as usize % SOURCES.len()];
    let input = CreateTask {
        source: Some(source.to_owned()),
        business_event: Some(format!("{source}.update")),
        entity_type: Some("demo.beneficiary".to_owned()),
        entity_id: Some(number.to_string()),
        entity_string: Some(format!("Beneficiary {number}")),
        data: Some(
            json!({
                "current_data": { "name": format!("Beneficiary {number}"), "amount": 100 },
                "incoming_data": { "name": format!("Beneficiary {number}"), "amount": 100 + number },
            })
            .into(),
        ),
        ..CreateTask::default()
    };
    Ok(module.tasks().create(&maker, input).await?.id)
}

/// An executor asks the maker something, and is answered.
async fn discuss(module: &TaskManagement, task_id: uuid::Uuid) -> tasks_management::Result<()> {
    let (ada, maker) = (module.requester("ada").await?, module.requester("maker").await?);
    for (who, other, text) in
        [(&ada, &maker, "Is the amount per month?"), (&maker, &ada, "Yes, from March on.")]
    {
        let (text, mentions) = (text.to_owned(), vec![other.id()]);
        module.task_comments().create(who, CreateTaskComment { task_id, text, mentions }).await?;
    }
    Ok(())
}

/// Casts a vote. It may come too late, when others have decided, which is no fault.
async fn vote(module: &TaskManagement, username: &str, id: uuid::Uuid, verdict: &str) {
    let cast = async {
        let voter = module.requester(username).await?;
        let business_status = json!({ voter.id().to_string(): verdict }).into();
        module
            .tasks()
            .resolve_task(&voter, ResolveTask { id, business_status, ..ResolveTask::default() })
            .await
    };
    if let Err(error) = cast.await {
        tracing::debug!(%error, username, "the demo's vote was refused");
    }
}
