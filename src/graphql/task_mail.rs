//! Mails in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, ID, Object};
use uuid::Uuid;

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    RANGE, Table, int, join, moment, one_of, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{UserNode, user_if_any};
use crate::model::task_mail::TaskMail;
use crate::service::context::ListScope;
use crate::service::task_mail;

/// What has become of a mail.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::mail::MailStatus")]
pub enum TaskMailStatus {
    /// It is still to be sent, now or after a pause.
    Queued,
    /// It waits for the digest of its reader.
    Waiting,
    /// It is given to the mail server.
    Sending,
    /// The mail server has taken it.
    Sent,
    /// It was not sent; `error` says why.
    Failed,
}

/// As whom somebody gets a mail.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::mail::MailRecipient")]
pub enum TaskMailRecipient {
    /// The people who have made the task.
    Maker,
    /// The people who are asked about the task and may decide.
    Pool,
    /// Those of them whose vote is missing.
    Missing,
    /// Whoever has claimed the task.
    Claimant,
    /// An address that stands in a dispatcher.
    Address,
    /// A person, whatever the task.
    Person,
}

shows! {
    /// A mail to one recipient. What it says is made when it is sent.
    #[graphql(name = "TaskMailGQLType", complex)]
    pub struct TaskMailNode of mail: TaskMail {
        pub id: ID = global_id("TaskMailGQLType", mail.id),
        uuid: String = mail.id.to_string(),
        /// The own id of the event of which it tells.
        event_id: String,
        /// The signal of that event.
        signal: String,
        /// The id of the row that the event is about.
        entity_id: String,
        /// The name of its template.
        template: String,
        /// As whom the recipient gets it.
        recipient: TaskMailRecipient = mail.recipient.into(),
        /// The address of a dispatcher to which it goes; null if a person gets it.
        address: Option<String>,
        status: TaskMailStatus = mail.status.into(),
        /// How often it was tried.
        attempts: i32,
        /// Why the last attempt failed, or why it was not sent.
        error: Option<String>,
        /// Its `Message-ID`, the same at each attempt.
        message_id: String,
        date_created: Moment,
        /// When the mail server took it.
        date_sent: Option<Moment>,
        /// The key of the dispatcher that left it; null if the module itself mails.
        dispatcher_id: Option<String>,
        /// The key of the digest with which it goes; null if it goes by itself, or still waits for one.
        digest_id: Option<String>,
        #[graphql(skip)]
        user_id: Option<Uuid>,
    }
}

#[ComplexObject]
impl TaskMailNode {
    /// The person who gets it; null if it goes to an address of a dispatcher.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.user_id).await
    }
}

/// Looking at mails.
#[derive(Default)]
pub struct TaskMailQueries;

#[Object]
impl TaskMailQueries {
    /// The mails to people and addresses, one for each recipient, and what has become of them.
    async fn task_mail(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskMailNode>>> {
        let list = |services, requester, query| task_mail::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_MAIL, None, list).await.map(Some)
    }
}

/// `Query.taskMail`
pub static TASK_MAIL: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        uuid("id", "ID", "id", "TaskMailGQLType"),
        uuid("eventId", "ID", "event_id", "TaskEventGQLType"),
        uuid("entityId", "ID", "entity_id", "TaskGQLType"),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        uuid("dispatcherId", "ID", "dispatcher_id", "TaskDispatcherGQLType"),
        uuid("digestId", "ID", "digest_id", "TaskMailGQLType"),
        text("template", "String", "template", &[Lookup::Exact]),
        text("signal", "String", "signal", &[Lookup::Exact]),
        text("address", "String", "address", &[Lookup::Exact]),
        one_of::<TaskMailStatus>("status", "status", &[Lookup::Exact]),
        one_of::<TaskMailRecipient>("recipient", "recipient", &[Lookup::Exact]),
        int("attempts", "attempts", RANGE),
        moment("dateCreated", "date_created", RANGE),
        moment("dateSent", "date_sent", RANGE),
    ])
});
