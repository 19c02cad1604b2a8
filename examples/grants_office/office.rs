//! What the office asks and does: its types, queries and mutations.

use std::sync::Arc;

use async_graphql::connection::{Connection, Edge, query};
use async_graphql::{
    Context, Error, ErrorExtensions as _, ID, InputObject, Interface, Object, Result, SimpleObject,
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tasks_management::{MakerChecker, Task, TaskManagement, requester};
use tokio::sync::broadcast::Sender;

use crate::beneficiaries::Beneficiaries;
use crate::grants::Grants;
use crate::tables::{beneficiary, office_grant};

/// The most that a grant can be.
const BUDGET: i32 = 10_000;

/// The parts of the program that requests use.
#[derive(Clone)]
pub struct Office {
    pub module: TaskManagement,
    pub grants: MakerChecker<Grants>,
    pub beneficiaries: MakerChecker<Beneficiaries>,
    pub decided: Sender<Task>,
    /// Signs the tokens of those who log in.
    pub secret: Arc<str>,
}

#[derive(Queryable, Serialize, SimpleObject)]
pub struct Grant {
    #[diesel(deserialize_as = String)]
    id: ID,
    purpose: String,
    amount: i32,
}

#[derive(Serialize, Deserialize, InputObject, Insertable)]
#[diesel(table_name = office_grant)]
#[serde(deny_unknown_fields)]
pub struct GrantInput {
    purpose: String,
    amount: i32,
}

#[derive(Queryable, Serialize, SimpleObject)]
pub struct Beneficiary {
    #[diesel(deserialize_as = String)]
    id: ID,
    name: String,
    account: String,
}

#[derive(Serialize, Deserialize, InputObject)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    pub account: String,
}

/// The office's own interface of this name, as it does not merge the module's `node_query()`.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID"))]
enum Node {
    Grant(Grant),
    Beneficiary(Beneficiary),
}

pub struct OfficeQuery;

#[Object]
impl OfficeQuery {
    /// The grants that were given, page by page.
    async fn grants(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<String, Grant>> {
        requester(ctx)?;
        let database = ctx.data::<Office>()?.module.database();
        query(after, None, first, None, async |after: Option<String>, _, first, _| {
            let (begun, first) = (after.is_some(), first.unwrap_or(20));
            let page = office_grant::table
                .filter(office_grant::id.gt(after.unwrap_or_default()))
                .order(office_grant::id)
                .limit(i64::try_from(first)? + 1);
            let mut found: Vec<Grant> = database.read(move |c| Ok(page.load(c.postgres()?)?)).await?;
            let mut connection = Connection::new(begun, found.len() > first);
            found.truncate(first);
            connection.edges.extend(found.into_iter().map(|grant| Edge::new(grant.id.to_string(), grant)));
            Ok::<_, Error>(connection)
        })
        .await
    }

    /// A grant or a beneficiary.
    async fn node(&self, ctx: &Context<'_>, id: String) -> Result<Option<Node>> {
        requester(ctx)?;
        let (grant, beneficiary) = (office_grant::table.find(id.clone()), beneficiary::table.find(id));
        let found = ctx.data::<Office>()?.module.database().read(move |connection| {
            let connection = connection.postgres()?;
            if let Some(grant) = grant.first(connection).optional()? {
                return Ok(Some(Node::Grant(grant)));
            }
            Ok(beneficiary.first(connection).optional()?.map(Node::Beneficiary))
        });
        Ok(found.await?)
    }
}

pub struct OfficeMutation;

#[Object]
impl OfficeMutation {
    /// Proposes a grant; returns the key of the task.
    async fn propose_grant(&self, ctx: &Context<'_>, input: GrantInput) -> Result<ID> {
        let (office, maker) = (ctx.data::<Office>()?, requester(ctx)?);
        if input.amount > BUDGET {
            let error = Error::new(format!("The office gives {BUDGET} at most."));
            return Err(error.extend_with(|_, extensions| extensions.set("code", "BUDGET_EXCEEDED")));
        }
        let task = office.grants.create_create_task(&office.module.tasks(), maker, &input).await?;
        Ok(task.id.into())
    }

    /// Proposes another account of a beneficiary; returns the key of the task.
    async fn propose_account(&self, ctx: &Context<'_>, id: ID, input: AccountInput) -> Result<ID> {
        let (office, maker) = (ctx.data::<Office>()?, requester(ctx)?);
        let task =
            office.beneficiaries.create_update_task(&office.module.tasks(), maker, &id, &input).await?;
        Ok(task.id.into())
    }
}
