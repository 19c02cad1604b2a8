//! The security log in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, ID, Object};
use uuid::Uuid;

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{RANGE, Table, join, moment, one_of, order_by, paging, uuid};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{UserNode, user_if_any};
use crate::model::security_log::SecurityEntry;
use crate::service::security_log;

/// What happened.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::security_log::SecurityEvent")]
pub enum SecurityEventKind {
    /// Somebody logged in.
    Login,
    /// Somebody was refused to log in.
    LoginRefused,
    /// A person changed the own password, or set it by a token.
    PasswordSet,
    /// Somebody made a token by which a person can set a password.
    PasswordReset,
    /// A user was created.
    UserCreated,
    /// A user was changed, names or addresses.
    UserChanged,
    /// A user was blocked.
    UserBlocked,
    /// A user was let in again.
    UserUnblocked,
    /// A user was deleted.
    UserDeleted,
    /// A user was given a role.
    RoleGranted,
    /// A role was taken from a user.
    RoleRevoked,
    /// A role was created, changed or deleted.
    RoleChanged,
    /// A token of a program was made.
    TokenCreated,
    /// A token of a program was revoked.
    TokenRevoked,
}

shows! {
    /// What happened to people, rights and logins.
    #[graphql(name = "SecurityLogGQLType", complex)]
    pub struct SecurityLogNode of entry: SecurityEntry {
        pub id: ID = global_id("SecurityLogGQLType", entry.id),
        date: Moment,
        kind: SecurityEventKind = entry.kind.into(),
        /// The network from which it came, where that is known.
        address: Option<String>,
        /// The name that was tried, if there is such a user; the role, or the token's name.
        detail: Option<String>,
        #[graphql(skip)]
        by: Option<Uuid> = entry.user_id,
        #[graphql(skip)]
        about: Option<Uuid> = entry.subject_id,
    }
}

#[ComplexObject]
impl SecurityLogNode {
    /// Who did it; null for a stranger.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.by).await
    }

    /// The user to whom it was done.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.about).await
    }
}

/// `Query.securityLog`
pub static SECURITY_LOG: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        moment("date", "date", RANGE),
        one_of::<SecurityEventKind>("kind", "kind", &[Lookup::Exact]),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        uuid("subjectId", "ID", "subject_id", "UserGQLType"),
    ])
});

/// Reading the security log.
#[derive(Default)]
pub struct SecurityLogQueries;

#[Object]
impl SecurityLogQueries {
    /// Logins, refusals, grants, tokens and blocks; for people with the right.
    async fn security_log(&self, ctx: &Context<'_>) -> Result<Option<Connection<SecurityLogNode>>> {
        let list = |services, requester, query| security_log::list(services, requester, query);
        listed(ctx, &SECURITY_LOG, None, list).await.map(Some)
    }
}
