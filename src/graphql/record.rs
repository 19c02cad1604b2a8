//! The fields that every versioned row has, and those that history has of every version, once for all types.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::protocol::registered::Registered;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::user::types::{UserNode, user, user_if_any};
use crate::model::history::History;
use crate::model::record::Record;

/// What a write did to a row.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::history::HistoryType")]
pub enum HistoricalTaskHistoryType {
    /// The row was created.
    Created,
    /// The row was changed.
    Changed,
    /// The row was deleted.
    Deleted,
}

/// The common fields of a row.
#[derive(SimpleObject)]
pub struct LiveRecord {
    #[graphql(flatten)]
    pub fields: RecordFields,
    #[graphql(flatten)]
    authors: Authors,
}

/// The common fields of a version: a row as it was after a write.
#[derive(SimpleObject)]
pub struct RecordVersion {
    #[graphql(flatten)]
    pub fields: RecordFields,
    #[graphql(flatten)]
    write: Write,
}

/// The fields that every versioned row has.
#[derive(SimpleObject)]
pub struct RecordFields {
    pub id: ID,
    uuid: Option<String>,
    is_deleted: bool,
    /// Free JSON of hosts, in which the module keeps some data of its own.
    json_ext: Option<JsonString>,
    date_created: Option<Moment>,
    date_updated: Option<Moment>,
    /// Counts the writes, from 1.
    version: i32,
}

/// The people who wrote a row.
struct Authors {
    user_created: Uuid,
    user_updated: Uuid,
}

/// The fields of a write, and the people who wrote the row until then.
#[derive(SimpleObject)]
#[graphql(complex)]
struct Write {
    history_id: ID,
    history_date: Moment,
    history_change_reason: Option<String>,
    history_type: HistoricalTaskHistoryType,
    #[graphql(skip)]
    history_user: Option<Uuid>,
    #[graphql(skip)]
    authors: Authors,
}

impl LiveRecord {
    /// The common fields of a row whose GraphQL type has this name.
    pub fn new(type_name: &str, record: &Record) -> Self {
        Self { fields: RecordFields::new(global_id(type_name, record.id), record), authors: record.into() }
    }
}

impl RecordVersion {
    /// The common fields of a version whose GraphQL type has this name.
    pub fn new(type_name: &str, record: &Record, history: History) -> Self {
        Self {
            fields: RecordFields::new(global_id(type_name, history.history_id), record),
            write: Write {
                history_id: ID(history.history_id.to_string()),
                history_date: Moment(history.history_date),
                history_change_reason: history.history_change_reason,
                history_type: history.history_type.into(),
                history_user: history.history_user,
                authors: record.into(),
            },
        }
    }
}

impl RecordFields {
    fn new(id: ID, record: &Record) -> Self {
        Self {
            id,
            uuid: Some(record.id.to_string()),
            is_deleted: record.is_deleted,
            json_ext: record.json_ext.clone().map(JsonString::from),
            date_created: Some(Moment(record.date_created)),
            date_updated: Some(Moment(record.date_updated)),
            version: record.version,
        }
    }
}

impl From<&Record> for Authors {
    fn from(record: &Record) -> Self {
        Self { user_created: record.user_created, user_updated: record.user_updated }
    }
}

#[Object]
impl Authors {
    async fn user_created(&self, ctx: &Context<'_>) -> Result<Registered<UserNode>> {
        user(ctx, self.user_created).await.map(Registered)
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Registered<UserNode>> {
        user(ctx, self.user_updated).await.map(Registered)
    }
}

#[ComplexObject]
impl Write {
    /// The person who wrote this version; null for rows that were loaded.
    async fn history_user(&self, ctx: &Context<'_>) -> Result<Option<Registered<UserNode>>> {
        Ok(user_if_any(ctx, self.history_user).await?.map(Registered))
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<Registered<UserNode>>> {
        user(ctx, self.authors.user_created).await.map(Registered).map(Some)
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<Registered<UserNode>>> {
        user(ctx, self.authors.user_updated).await.map(Registered).map(Some)
    }
}
