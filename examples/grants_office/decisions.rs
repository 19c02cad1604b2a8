//! The office's subscription: whoever has proposed something hears what became of it.

#![allow(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

use async_graphql::futures_util::{Stream, StreamExt as _, future, stream};
use async_graphql::{Context, ID, Object, Subscription};
use tasks_management::{Result, Signal, Signals, SignalsBuilder, Task, requester};
use tokio::sync::broadcast::Sender;

use crate::office::Office;

/// Tells those who listen to this process of each task that is decided, once that is committed. One of the processes on a
/// database is called; where there are several, it would tell the others, as by PostgreSQL's NOTIFY.
pub fn signals(decided: Sender<Task>) -> SignalsBuilder {
    Signals::builder().after("office.decisions", [Signal::TaskComplete], move |event| {
        // Sending fails when nobody listens.
        let told = event.task().map(|task| drop(decided.send(task)));
        future::ready(told.map_err(Into::into))
    })
}

pub struct Decisions;

#[Subscription]
impl Decisions {
    /// The decisions on what the person who listens has proposed.
    async fn decisions(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Decision> + use<>> {
        let maker = requester(ctx)?.id();
        let decided = ctx.data_unchecked::<Office>().decided.subscribe();
        let tasks = stream::unfold(decided, async |mut decided| Some((decided.recv().await.ok()?, decided)));
        Ok(tasks.filter(move |task| future::ready(task.user_created == maker)).map(Decision))
    }
}

pub struct Decision(Task);

#[Object]
impl Decision {
    async fn task(&self) -> ID {
        self.0.id.into()
    }

    async fn status(&self) -> &str {
        self.0.status.as_str()
    }

    /// Who listens.
    async fn told_to<'a>(&self, ctx: &Context<'a>) -> Result<&'a str> {
        Ok(requester(ctx)?.user.username.as_str())
    }
}
