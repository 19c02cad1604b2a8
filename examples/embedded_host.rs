//! A small host: a registry of beneficiaries with tables, users and a schema of its own. It embeds the module, and puts
//! changes of beneficiaries under maker-checker: Rosa's proposals are written once Amir and Lin have approved them, in the
//! transaction of the last approval.
//!
//! ```sh
//! cargo run --example embedded_host
//! cargo run --example embedded_host -- 127.0.0.1:8001 postgres://user:password@localhost/registry
//! ```
//!
//! `docs/embedding.md` says what to try.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{
    Context, EmptySubscription, ID, InputObject, MergedObject, Object, Schema, SimpleObject,
};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router, routing};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tasks_management::{
    Account, Approved, Builder, CheckedService, CompletionPolicy, DbConnection, Entity, EntityType, Error,
    ErrorCode, ExecutionMode, Host, MakerChecker, Message, NotOffered, People, Requester, Result, Rights,
    Settings, TaskGroupInput, TaskManagement, TaskMutation, TaskQuery, Wanted, requester,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

diesel::table! {
    registry_user (id) { id -> Text, username -> Text, token -> Text, rights -> Text, }
}
diesel::table! {
    registry_beneficiary (id) { id -> Text, name -> Text, household_size -> Integer, approved_by -> Text, }
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS registry_user
        (id TEXT PRIMARY KEY, username TEXT NOT NULL, token TEXT NOT NULL, rights TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS registry_beneficiary
        (id TEXT PRIMARY KEY, name TEXT NOT NULL, household_size INTEGER NOT NULL, approved_by TEXT NOT NULL);
    INSERT INTO registry_user VALUES
        ('10000000-0000-4000-8000-000000000001', 'noor', 'noor-token', 'all'),
        ('10000000-0000-4000-8000-000000000002', 'rosa', 'rosa-token', '191002,191005'),
        ('10000000-0000-4000-8000-000000000003', 'amir', 'amir-token', '191001,191003'),
        ('10000000-0000-4000-8000-000000000004', 'lin', 'lin-token', '191001,191003')
        ON CONFLICT DO NOTHING;
    INSERT INTO registry_beneficiary VALUES ('1', 'Abena Mensah', 3, 'nobody'), ('2', 'Kofi Boateng', 5, 'nobody')
        ON CONFLICT DO NOTHING;";

// The host's users. Their tokens are in the source here; a real host has a real login.

type UserRow = (String, String, String, String);

struct RegistryUsers;

impl People for RegistryUsers {
    type Key = Uuid;

    fn find(&self, connection: &mut DbConnection, wanted: Wanted<Uuid>) -> Result<Vec<Account<Uuid>>> {
        let (users, id) = (registry_user::table, registry_user::id);
        let rows: Vec<UserRow> = match wanted {
            Wanted::Keys(keys) => {
                users.filter(id.eq_any(keys.iter().map(Uuid::to_string))).load(connection)?
            }
            Wanted::Username(name) => users.filter(registry_user::username.eq(name)).load(connection)?,
            Wanted::Page { after, limit } => {
                let after = after.map(|id| id.to_string()).unwrap_or_default();
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                users.filter(id.gt(after)).order(id).limit(limit).load(connection)?
            }
        };
        rows.into_iter().map(account).collect()
    }
}

fn account((id, username, _, rights): UserRow) -> Result<Account<Uuid>> {
    let numbers = rights.split(',').filter_map(|number| number.parse().ok());
    let rights = if rights == "all" { Rights::everything() } else { Rights::of(numbers) };
    Ok(Account::new(key(&id)?, username, rights))
}

fn key(id: &str) -> Result<Uuid> {
    id.parse().map_err(Error::internal)
}

// The host's entities, and the service that changes them.

#[derive(Clone, Serialize, Queryable, SimpleObject)]
struct Beneficiary {
    id: String,
    name: String,
    household_size: i32,
    approved_by: String,
}

#[derive(Clone, Serialize, Deserialize, InputObject)]
#[serde(deny_unknown_fields)]
struct Household {
    household_size: i32,
}

#[derive(Clone, Copy)]
struct Beneficiaries;

impl EntityType for Beneficiaries {
    fn display(&self, connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        let these = registry_beneficiary::table.filter(registry_beneficiary::id.eq_any(ids));
        let names = these.select((registry_beneficiary::id, registry_beneficiary::name));
        Ok(names.load::<(String, String)>(connection)?.into_iter().collect())
    }

    fn search(
        &self,
        connection: &mut DbConnection,
        _: &Requester,
        text: &str,
        limit: usize,
    ) -> Result<Vec<Entity>> {
        let found = registry_beneficiary::table
            .filter(registry_beneficiary::name.like(format!("%{text}%")))
            .order(registry_beneficiary::name)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load::<Beneficiary>(connection)?;
        Ok(found.into_iter().map(|row| Entity { id: row.id, display: row.name }).collect())
    }
}

impl CheckedService for Beneficiaries {
    type Create = NotOffered;
    type Update = Household;
    const NAME: &'static str = "BeneficiaryService";
    const ENTITY_TYPE: &'static str = "registry.beneficiary";

    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<tasks_management::Json>> {
        let row = registry_beneficiary::table.find(id).first::<Beneficiary>(connection).optional()?;
        Ok(row.map(|row| tasks_management::Json::of(&row)))
    }

    fn validate_update(&self, _: &mut DbConnection, _: &Requester, _: &str, input: &Household) -> Result<()> {
        let is_usual = (1..=30).contains(&input.household_size);
        if is_usual { Ok(()) } else { Err(refusal("`household_size` has to be from 1 to 30.")) }
    }

    fn update(&self, approved: &mut Approved<'_>, id: &str, input: Household) -> Result<()> {
        let (size, by) = (registry_beneficiary::household_size, registry_beneficiary::approved_by);
        let change = (size.eq(input.household_size), by.eq(&approved.decider.user.username));
        diesel::update(registry_beneficiary::table.find(id)).set(change).execute(approved.connection)?;
        Ok(())
    }
}

fn refusal(words: &str) -> Error {
    Error::new(ErrorCode::Validation, Message::words(words)).of_field("household_size")
}

// The host's schema, into which the module's is merged.

#[derive(MergedObject)]
struct Query(TaskQuery, BeneficiaryQueries);

#[derive(MergedObject)]
struct Mutation(TaskMutation, BeneficiaryMutations);

struct BeneficiaryQueries;

#[Object]
impl BeneficiaryQueries {
    /// All beneficiaries, for everybody who is logged in.
    async fn beneficiaries(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Beneficiary>> {
        requester(ctx)?;
        let all = registry_beneficiary::table.order(registry_beneficiary::id);
        let database = ctx.data::<App>()?.module.database();
        Ok(database.read(move |connection| Ok(all.load(connection)?)).await?)
    }

    /// The open proposals about a beneficiary, as far as one may see them: the keys of their tasks.
    async fn proposals(&self, ctx: &Context<'_>, id: ID) -> async_graphql::Result<Vec<ID>> {
        let filters = json!({ "source": Beneficiaries::NAME, "entityId": *id, "status": "ACCEPTED" });
        let tasks = ctx.data::<App>()?.module.tasks().list(requester(ctx)?, filters).await?;
        Ok(tasks.rows.iter().map(|task| ID(task.id.to_string())).collect())
    }
}

struct BeneficiaryMutations;

#[Object]
impl BeneficiaryMutations {
    /// Proposes to change a beneficiary; returns the key of the task.
    async fn propose_beneficiary_update(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: Household,
    ) -> async_graphql::Result<ID> {
        let (app, maker) = (ctx.data::<App>()?, requester(ctx)?);
        let task = app.checker.create_update_task(&app.module.tasks(), maker, &id, &input).await?;
        Ok(ID(task.id.to_string()))
    }
}

// The host's server.

#[derive(Clone)]
struct App {
    module: TaskManagement,
    checker: MakerChecker<Beneficiaries>,
}

type HostSchema = Schema<Query, Mutation, EmptySubscription>;

async fn graphql(
    State((module, schema)): State<(TaskManagement, HostSchema)>,
    headers: HeaderMap,
    Json(request): Json<async_graphql::Request>,
) -> Json<async_graphql::Response> {
    let requester = match who_asks(&module, &headers).await {
        Ok(requester) => requester,
        Err(error) => return Json(async_graphql::Response::from_errors(vec![server_error(&error)])),
    };
    // Any executor will do; the module looks for the requester in the request's data.
    let request = match requester {
        Some(requester) => request.data(requester),
        None => request,
    };
    Json(schema.execute(request).await)
}

async fn who_asks(module: &TaskManagement, headers: &HeaderMap) -> Result<Option<Arc<Requester>>> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")).map(ToOwned::to_owned) else {
        return Ok(None);
    };
    let bearer = registry_user::table.filter(registry_user::token.eq(token)).select(registry_user::id);
    let id =
        module.database().read(move |connection| Ok(bearer.first::<String>(connection).optional()?)).await?;
    match id {
        Some(id) => module.requester_by_id(key(&id)?).await.map(Some),
        None => Ok(None),
    }
}

fn server_error(error: &Error) -> async_graphql::ServerError {
    async_graphql::ServerError::new(error.to_string(), None)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8001".to_owned());
    let mut settings = Settings::default();
    settings.database.url = arguments.next().unwrap_or_else(|| {
        let file = std::env::temp_dir().join(format!("registry-{}.db", std::process::id()));
        format!("sqlite://{}", file.display())
    });
    // People who propose a change may not approve it.
    settings.tasks_management.forbid_maker = true;

    let checker = MakerChecker::new(Beneficiaries, ExecutionMode::Within);
    let module = Builder::new(settings)
        .people(RegistryUsers)
        .host(Host::default().entity(Beneficiaries::ENTITY_TYPE, Beneficiaries))
        .maker_checker(&checker)
        .build()?;
    module.migrate().await?;
    module.database().write(|connection| Ok(connection.batch_execute(TABLES)?)).await?;
    module.refresh_users().await?;
    let app = App { module: module.clone(), checker };
    make_group(&module).await?;

    let query = Query(module.query(), BeneficiaryQueries);
    let mutation = Mutation(module.mutation(), BeneficiaryMutations);
    let schema = module.schema(query, mutation, EmptySubscription, |builder| builder.data(app))?;
    let router = Router::new().route("/graphql", routing::post(graphql)).with_state((module.clone(), schema));

    let stop = CancellationToken::new();
    let workers = tokio::spawn(module.workers(&stop));
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    println!("the registry listens on http://{}/graphql", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    stop.cancel();
    workers.await?;
    Ok(())
}

/// The group that approves changes of beneficiaries: Amir and Lin, both of them. An earlier start has made it already, or this one
/// does, before anybody is logged in.
async fn make_group(module: &TaskManagement) -> Result<()> {
    let (amir, lin) = (module.requester("amir").await?, module.requester("lin").await?);
    let group = TaskGroupInput {
        user_ids: Some(vec![amir.id(), lin.id()]),
        task_sources: Some(vec![Beneficiaries::NAME.to_owned()]),
        ..TaskGroupInput::new("beneficiaries", CompletionPolicy::All)
    };
    module.task_groups().ensure_group(&module.system().await?, group).await?;
    Ok(())
}
