//! Telling a subscriber: what a delivery does.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::settlement::{Attempted, Record};
use super::{Held, Outcome, Permit, Worker};
use crate::domain::event_data;
use crate::domain::outbox::Subscriber;
use crate::domain::signal::Signal;
use crate::error::Error;
use crate::model::outbox::Delivery;
use crate::service::{re_evaluation, task_mail};
use crate::signal::{Event, cause};

impl Worker {
    /// Begins to tell the subscriber. A handler gets a thread of its own, so that it blocks nobody else; its permit is free
    /// again when the thread is.
    pub(super) fn begin(
        &self,
        delivery: &Delivery,
        permit: Permit,
        given_up: CancellationToken,
    ) -> Result<JoinHandle<Result<Outcome, String>>, String> {
        match Subscriber::of_name(&delivery.handler) {
            Subscriber::ReEvaluation(_) => {
                let (services, delivery) = (Arc::clone(&self.services), delivery.clone());
                Ok(tokio::spawn(async move {
                    let done = cause::behind(delivery.cause_depth, re_evaluation::run(&services, &delivery));
                    tokio::select! {
                        outcome = done => outcome.map(|()| delivered()).map_err(|error| error.to_string()),
                        () = given_up.cancelled() => Err("it was given up".to_owned()),
                    }
                }))
            }
            Subscriber::MailAddressing => {
                let (services, delivery) = (Arc::clone(&self.services), delivery.clone());
                Ok(tokio::spawn(async move {
                    let done = task_mail::address(&services, &delivery);
                    tokio::select! {
                        outcome = done => outcome.map(|()| delivered()).map_err(|error| explained(&error)),
                        () = given_up.cancelled() => Err("it was given up".to_owned()),
                    }
                }))
            }
            Subscriber::Mail | Subscriber::MailDigest => {
                let (services, mails, delivery) =
                    (Arc::clone(&self.services), Arc::clone(&self.mails), delivery.clone());
                Ok(tokio::spawn(async move {
                    let attempt = async {
                        mails.attempt(&services, &delivery).await.map_err(|error| explained(&error))
                    };
                    tokio::select! {
                        outcome = attempt => outcome.map(|(attempted, mail)| (attempted, Some(Record::Mail(mail)))),
                        () = given_up.cancelled() => Err("the attempt was given up".to_owned()),
                    }
                }))
            }
            Subscriber::Endpoint(id) => {
                let (services, webhooks) = (Arc::clone(&self.services), Arc::clone(&self.webhooks));
                let (delivery, event) = (delivery.clone(), event(delivery)?);
                Ok(tokio::spawn(async move {
                    let attempt = async {
                        webhooks
                            .attempt(&services, id, delivery, event)
                            .await
                            .map_err(|error| explained(&error))
                    };
                    tokio::select! {
                        outcome = attempt => {
                            outcome.map(|(attempted, record)| (attempted, record.map(Record::Webhook)))
                        }
                        () = given_up.cancelled() => Err("the attempt was given up".to_owned()),
                    }
                }))
            }
            Subscriber::Dispatcher(id) => {
                let services = Arc::clone(&self.services);
                let (delivery, event) = (delivery.clone(), event(delivery)?);
                Ok(tokio::spawn(async move {
                    let told = async {
                        let Some(Held::Turn(turn)) = permit.as_deref() else {
                            return Err("a dispatcher acts in turns only".to_owned());
                        };
                        turn.tell(&services, id, &delivery, &event).await.map_err(|error| explained(&error))
                    };
                    tokio::select! {
                        outcome = told => outcome.map(|attempted| (attempted, None)),
                        () = given_up.cancelled() => Err("it was given up".to_owned()),
                    }
                }))
            }
            Subscriber::Handler(name) => {
                let work =
                    self.services.bus.deliver(&name, event(delivery)?).ok_or("the handler is not bound")?;
                let work = cause::behind(delivery.cause_depth, work);
                let runtime = tokio::runtime::Handle::current();
                Ok(tokio::task::spawn_blocking(move || {
                    let _place = permit;
                    runtime.block_on(async {
                        tokio::select! {
                            outcome = work => {
                                outcome.map(|()| delivered()).map_err(|error| error.to_string())
                            }
                            () = given_up.cancelled() => Err("the handler was given up".to_owned()),
                        }
                    })
                }))
            }
        }
    }
}

/// The event of a delivery.
fn event(delivery: &Delivery) -> Result<Event, String> {
    let signal =
        Signal::parse(&delivery.signal).ok_or_else(|| format!("unknown signal {}", delivery.signal))?;
    Ok(Event {
        id: delivery.event_id,
        signal,
        entity_id: delivery.entity_id,
        user_id: delivery.user_id,
        date: delivery.date_created,
        data: event_data::read(signal, delivery.data.clone()),
        cause_depth: delivery.cause_depth,
    })
}

/// Why something of ours failed, for operators; the cause goes to the log.
fn explained(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(cause, "a delivery can't be made");
    error.to_string()
}

const fn delivered() -> Outcome {
    (Attempted::Delivered, None)
}
