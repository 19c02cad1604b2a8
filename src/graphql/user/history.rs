//! The versions of users in GraphQL.

use std::sync::LazyLock;

use async_graphql::{Context, Object, SimpleObject};

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Table, boolean, client_mutation_id, join, of_record, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::record::RecordVersion;
use crate::graphql::user::mail_frequency::MailFrequency;
use crate::model::history::Historical;
use crate::model::user::User;
use crate::service::user;

/// A user as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "UserHistoryGQLType")]
pub struct UserHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: UserVersionFields,
}

shows! {
    /// The fields of a version of a user.
    struct UserVersionFields of user: User {
        username: String,
        last_name: String,
        other_names: String,
        email: Option<String>,
        phone: Option<String>,
        language: String,
        /// Whether the user may log in.
        is_active: bool,
        /// How often the user gets mails about tasks.
        mail_frequency: MailFrequency = user.mail_frequency.into(),
        mail_hour: i32,
        mail_time_zone: String,
    }
}

impl From<Historical<User>> for UserHistoryNode {
    fn from(version: Historical<User>) -> Self {
        let Historical { row, history } = version;
        Self { record: RecordVersion::new("UserHistoryGQLType", &row.record, history), fields: row.into() }
    }
}

/// `Query.userHistory`
pub static USER_HISTORY: Table = LazyLock::new(|| {
    join([
        order_by(),
        client_mutation_id(),
        paging(),
        uuid("id", "ID", "id", "UserGQLType"),
        text("username", "String", "username", &[Lookup::Exact, Lookup::Icontains]),
        boolean("isActive", "is_active"),
        of_record(),
    ])
});

/// Reading the versions of users.
#[derive(Default)]
pub struct UserHistoryQueries;

#[Object]
impl UserHistoryQueries {
    /// All versions of users, newest first; for people with the right to list them. `id` is the user's.
    async fn user_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<UserHistoryNode>>> {
        let list = |services, requester, query| user::list_history(services, requester, query);
        listed(ctx, &USER_HISTORY, None, list).await.map(Some)
    }
}
