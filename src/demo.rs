//! The demo: a fresh database in a folder of its own, with people, groups and a flowing stream of tasks.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tasks_management::config::Introspection;
use tasks_management::{
    AssignTask, Builder, CompletionPolicy, CreateFunctionRun, CreateTaskComment, CreateTaskDispatcher,
    CreateTaskFlow, CreateTaskFunction, DispatchAction, FunctionKind, LoadFile, ResolveTask, Settings,
    Signal, Signals, TaskDispatcherChange, TaskFlowStepInput, TaskFunctionChange, TaskGroupInput,
    TaskManagement, cli, cli::say, function_runner,
};
use uuid::Uuid;

mod work;

use work::SOURCES;

/// People and groups of the demo, in the form that `load` reads.
const SAMPLE: &str = include_str!("demo.json");

/// The people of the demo, with their passwords and their parts, in English and in French. The first are those as whom one begins.
const PEOPLE: &[(&str, &str, [&str; 2])] = &[
    (
        "ada",
        "ada12345",
        [
            "case worker: decides in FIELD-OFFICE and PAYMENTS",
            "gestionnaire : décide dans FIELD-OFFICE et PAYMENTS",
        ],
    ),
    (
        "ben",
        "ben12345",
        [
            "case worker: decides in FIELD-OFFICE, DISTRICT and PAYMENTS",
            "gestionnaire : décide dans FIELD-OFFICE, DISTRICT et PAYMENTS",
        ],
    ),
    (
        "chi",
        "chi12345",
        [
            "case worker: decides in FIELD-OFFICE and DISTRICT, reads French",
            "gestionnaire : décide dans FIELD-OFFICE et DISTRICT, lit en français",
        ],
    ),
    (
        "triage",
        "triage123",
        [
            "triage: assigns tasks and administers groups and flows",
            "tri : attribue les tâches, gère les groupes et les circuits",
        ],
    ),
    ("maker", "maker123", ["maker: proposes changes", "propose des changements"]),
    (
        "admin",
        "admin123",
        ["administrator: sees and does everything", "administration : voit tout et peut tout faire"],
    ),
];

/// A task by which a database is known that a demo has made: it comes with the people of the demo, and stays when it is deleted.
const SAMPLE_TASK: Uuid = Uuid::from_u128(0x4444_4444_4444_4444_8444_0000_0000_0001);

/// It has been overdue since January. Nobody can say that of a new task, but one may be loaded.
fn overdue() -> serde_json::Value {
    let (maker, moment) = ("11111111-1111-4111-8111-000000000003", "2026-01-05T08:00:00");
    json!([{
        "id": SAMPLE_TASK, "isDeleted": false, "jsonExt": null, "version": 1,
        "dateCreated": moment, "dateUpdated": moment, "userCreated": maker, "userUpdated": maker,
        "source": SOURCES[0], "entityString": "Household of Esther Addo: the family has moved", "status": "ACCEPTED",
        "executorActionEvent": "default", "businessStatus": {}, "businessEvent": "BeneficiaryService.update",
        "taskGroup": FIELD_OFFICE, "data": {
            "current_data": { "household": "HH-0007", "head": "Esther Addo", "address": { "village": "Tema", "house": "3" } },
            "incoming_data": { "household": "HH-0007", "head": "Esther Addo", "address": { "village": "Kibera", "house": "88" } },
        }, "dueDate": "2026-01-12T08:00:00",
    }])
}

/// Groups of the demo.
const FIELD_OFFICE: &str = "22222222-2222-4222-8222-000000000001";
const PAYMENTS: &str = "22222222-2222-4222-8222-000000000002";

/// What the user has asked for.
pub struct Wishes {
    /// It uses the database that the settings name, and else a fresh SQLite file.
    pub keep_url: bool,
    /// Others may reach it, who know its passwords as everybody does.
    pub reachable: bool,
    /// It sends mails by the mail server of the settings.
    pub mails: bool,
}

/// Serves the demo until Ctrl-C or SIGTERM.
pub async fn run(mut settings: Settings, wishes: Wishes) -> Result<String, String> {
    let Wishes { keep_url, reachable, mails } = wishes;
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
    if !mails {
        // The environment may be that of a real server. Nobody expects a demo to write to people.
        settings.mail.host.clear();
    }
    settings.graphql.introspection = Introspection::Everybody;
    settings.desk.people = PEOPLE
        .iter()
        .map(|(name, password, what)| format!("{name}:{password}:{}", what.join("\t")))
        .collect();
    settings.check_secret()?;
    let listener = cli::listen(&settings)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;

    let database = settings.database.url.clone();
    let has_runner = settings.functions.runner != "none";
    let module = Builder::new(settings)
        .signals(cli::logged(Signals::builder()))
        .metrics(cli::metrics()?)
        .function_runner(function_runner())
        .build()
        .map_err(say)?;
    cli::prepare_demo(&module, SAMPLE_TASK).await?;
    let mut sample: serde_json::Value = serde_json::from_str(SAMPLE).map_err(|error| error.to_string())?;
    sample["tasks"] = overdue();
    let sample: LoadFile = serde_json::from_value(sample).map_err(|error| error.to_string())?;
    let loaded = module.load(sample).await.map_err(say)?;
    // A database that has been filled before is left as it is.
    if loaded.rows.values().any(|(added, _)| *added > 0) {
        if cfg!(feature = "javascript") && has_runner {
            add_functions(&module).await.map_err(say)?;
        }
        fill(&module).await.map_err(say)?;
    }
    // Whoever reads this may stop it.
    let serving = cli::run(&module, listener);
    introduce(&address.to_string(), &database);
    println!("\nCtrl-C stops it{}.", if keep_url { "; its data stays" } else { " and removes its data" });

    let stream = tokio::spawn(flow(module.clone()));
    let ended = serving.await;
    stream.abort();
    if !keep_url {
        let _ = std::fs::remove_dir_all(&folder);
    }
    ended
}

fn introduce(address: &str, database: &str) {
    println!(
        "The demo serves http://{address}/ : open it in a browser, and click on the person who you want to be."
    );
    println!("Its data is in {database}\n");
    println!("People:");
    for (name, password, [what, _]) in PEOPLE {
        println!("  {name:<8} {password:<10} {what}");
    }
    println!(
        r#"
Three things to try:
1. As ada, approve or reject what waits for you: the keys j, k, Enter, a, r and ? help.
2. As triage, find what nobody is asked about yet, and what is overdue.
3. Ask the interface yourself: http://{address}/api/graphql is GraphiQL in a browser, and in a terminal
   TOKEN=$(curl -s http://{address}/api/graphql -H 'Content-Type: application/json' \
     -d '{{"query":"mutation {{ tokenAuth(username: \"ada\", password: \"ada12345\") {{ token }} }}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
   curl -s http://{address}/api/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
     -d '{{"query":"{{ task(awaitingMe: true, first: 3) {{ totalCount edges {{ node {{ uuid entityString data allowedActions claims {{ user {{ username }} }} }} }} }} }}"}}'"#
    );
}

/// Tasks in every state, so that no list is empty.
async fn fill(module: &TaskManagement) -> tasks_management::Result<()> {
    let triage = module.requester("triage").await?;
    let user = async |name: &str| module.requester(name).await.map(|person| person.id());
    let district = TaskGroupInput {
        user_ids: Some(vec![user("ben").await?, user("chi").await?]),
        ..TaskGroupInput::new("DISTRICT", CompletionPolicy::All)
    };
    let district = module.task_groups().create(&triage, district).await?.id;
    let step = |group: Uuid, days: i32, policy: Option<CompletionPolicy>| TaskFlowStepInput {
        task_group_id: group,
        completion_policy: policy,
        lead_time_seconds: Some(days * 86_400),
        ..TaskFlowStepInput::default()
    };
    let id = |text: &str| text.parse().unwrap_or_default();
    let flow = CreateTaskFlow {
        code: "ENROLMENT".to_owned(),
        name: Some("Enrolment in three steps".to_owned()),
        task_sources: vec![SOURCES[3].to_owned()],
        steps: vec![
            step(id(FIELD_OFFICE), 3, Some(CompletionPolicy::Any)),
            step(district, 5, None),
            step(id(PAYMENTS), 2, None),
        ],
        ..CreateTaskFlow::default()
    };
    module.task_flows().create(&triage, flow).await?;
    for number in 0..12 {
        let id = create(module, number).await?;
        if number.is_multiple_of(4) {
            discuss(module, id).await?;
        }
        if number == 3 {
            // It waits at the second of three steps.
            vote(module, "ada", id, "APPROVED").await;
        }
    }
    // Some are in hand: Ada has taken the next one, and triage has given one to Ben.
    let (ada, ben) = (module.requester("ada").await?, module.requester("ben").await?);
    module.task_claims().claim_next(&ada).await?;
    let given = AssignTask { id: create(module, 25).await?, user_id: ben.id(), ..AssignTask::default() };
    module.task_claims().assign(&triage, given).await?;
    let flow = CreateTaskFlow {
        code: "IMPORTS".to_owned(),
        name: Some("Imports, record by record".to_owned()),
        task_sources: vec![work::IMPORT.to_owned()],
        steps: vec![step(id(FIELD_OFFICE), 7, Some(CompletionPolicy::Any))],
        ..CreateTaskFlow::default()
    };
    module.task_flows().create(&triage, flow).await?;
    let maker = module.requester("maker").await?;
    module.tasks().create(&maker, work::import()).await?;
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

/// Functions in JavaScript: one counts what waits for whom, and has a first run; another carries out what is decided on payments.
async fn add_functions(module: &TaskManagement) -> tasks_management::Result<()> {
    let admin = module.requester("admin").await?;
    let triage = module.requester("triage").await?.id();
    let functions = [
        (
            "open-tasks",
            "Counts the open tasks of each source",
            include_str!("demo/open_tasks.js"),
            Some(triage),
        ),
        (
            "change-account",
            "Tells the payment office what was decided on a bank account",
            include_str!("demo/change_account.js"),
            None,
        ),
    ];
    for (name, description, source, account) in functions {
        let mut change = TaskFunctionChange::default();
        change.description = Some(description.to_owned());
        change.source = Some(source.to_owned());
        change.service_account = Some(account);
        let function = CreateTaskFunction { name: name.to_owned(), kind: FunctionKind::Javascript, change };
        module.task_functions().create(&admin, function).await?;
    }
    let run = CreateFunctionRun { function_name: "open-tasks".to_owned(), ..CreateFunctionRun::default() };
    module.function_runs().create(&admin, run).await?;
    let payments = TaskGroupInput {
        on_completed: Some(Some("change-account".to_owned())),
        ..TaskGroupInput::new("PAYMENTS", CompletionPolicy::N)
    };
    module.task_groups().ensure_group(&admin, payments).await?;
    // It counts anew whenever a task is decided.
    let change = TaskDispatcherChange {
        description: Some("Counts the open tasks anew when one is decided".to_owned()),
        actions: Some(vec![DispatchAction::function("open-tasks")]),
        ..TaskDispatcherChange::default()
    };
    let (name, signal) = ("count anew".to_owned(), Signal::TaskComplete.as_str().to_owned());
    module.task_dispatchers().create(&admin, CreateTaskDispatcher { name, signal, change }).await.map(drop)
}

/// Creates a new task every twenty seconds, and casts a vote from time to time.
async fn flow(module: TaskManagement) {
    for number in 100_u32.. {
        tokio::time::sleep(Duration::from_secs(20)).await;
        match create(&module, number).await {
            Ok(id) if number.is_multiple_of(2) => vote(&module, "ada", id, "APPROVED").await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the demo could not create a task"),
        }
    }
}

async fn create(module: &TaskManagement, number: u32) -> tasks_management::Result<Uuid> {
    let maker = module.requester("maker").await?;
    Ok(module.tasks().create(&maker, work::proposal(number)).await?.id)
}

/// An executor asks the maker something, and is answered.
async fn discuss(module: &TaskManagement, task_id: Uuid) -> tasks_management::Result<()> {
    let (ada, maker) = (module.requester("ada").await?, module.requester("maker").await?);
    for (who, other, text) in [
        (&ada, &maker, "Has somebody seen the birth certificate?"),
        (&maker, &ada, "Yes, I have a copy of it."),
    ] {
        let (text, mentions) = (text.to_owned(), vec![other.id()]);
        module.task_comments().create(who, CreateTaskComment { task_id, text, mentions }).await?;
    }
    Ok(())
}

/// Casts a vote. It may come too late, when others have decided, which is no fault.
async fn vote(module: &TaskManagement, username: &str, id: Uuid, verdict: &str) {
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
