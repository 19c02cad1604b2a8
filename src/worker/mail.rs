//! Sending mails: what a delivery to `tasks.mail` does. `service/task_mail.rs` says how mails come to be.
//!
//! A mail that the server refuses for now (4xx, no connection, no answer) is due again after the next of `mail.retry_pauses_s`, and is
//! DEAD after the last; one that it refuses for good (5xx) is DEAD at once. A process that dies after the server has taken a mail
//! and before that is noted sends it again, with the same `Message-ID`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::SystemTime;

use lettre::Message;
use lettre::address::{Address, AddressError};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use url::Host;

use super::outbox::settlement::{Attempted, due_again};
use super::smtp::{Refusal, SmtpClient};
use crate::config::MailSettings;
use crate::domain::json::{Json, json};
use crate::domain::mail::MailStatus;
use crate::domain::mail_template::{Parts, one_line};
use crate::error::{Error, Result};
use crate::graphql::webhook_endpoint::payload::WebhookPayloads;
use crate::model::outbox::Delivery;
use crate::service::task_mail::{self, Gathered, Item, LeftOut, Letter, Prepared};
use crate::service::task_template::values::{
    full_name, item_of_digest, recipient, values, values_of_address, values_of_digest,
};
use crate::service::{ServiceContext, task_template};

/// Sends mails. One for each module.
pub struct Mails {
    /// None where no mail server is set.
    sending: Option<Sending>,
}

struct Sending {
    client: SmtpClient,
    payloads: WebhookPayloads,
    from: Mailbox,
    settings: MailSettings,
}

impl Mails {
    /// Mails with the bounds of the settings.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting.
    pub fn new(settings: &MailSettings) -> Result<Self> {
        if settings.host.is_empty() {
            return Ok(Self { sending: None });
        }
        settings.check().map_err(Error::unavailable)?;
        let bad = |reason: String| {
            Error::unavailable(format!(
                "mail.from is {:?}, an address such as `Tasks <tasks@example.org>` is needed: {reason}",
                settings.from
            ))
        };
        let mut from: Mailbox =
            settings.from.parse().map_err(|error: AddressError| bad(error.to_string()))?;
        from.email = with_ascii_domain(from.email).map_err(bad)?;
        let client = SmtpClient::new(settings, from.email.domain()).map_err(Error::unavailable)?;
        let (payloads, settings) = (WebhookPayloads::default(), settings.clone());
        Ok(Self { sending: Some(Sending { client, payloads, from, settings }) })
    }

    /// Makes an attempt at the mail of this delivery; returns what came of it.
    ///
    /// # Errors
    /// An error of the database or the host. Then the attempt is made again.
    pub async fn attempt(
        &self,
        services: &Arc<ServiceContext>,
        delivery: &Delivery,
    ) -> Result<(Attempted, task_mail::Attempted)> {
        let id = delivery.entity_id;
        let Some(sending) = &self.sending else {
            let status = MailStatus::Queued;
            let left_out = LeftOut::new();
            return Ok((Attempted::Withheld, task_mail::Attempted { id, status, error: None, left_out }));
        };
        let letter = match Box::pin(task_mail::begin(services, delivery)).await? {
            Prepared::Letter(letter) => letter,
            Prepared::Withdrawn(why, left_out) => {
                let (status, error) = (MailStatus::Failed, Some(format!("not sent: {why}")));
                return Ok((Attempted::Delivered, task_mail::Attempted { id, status, error, left_out }));
            }
        };
        let left_out = letter.digest.as_ref().map_or_else(LeftOut::new, |digest| digest.left_out.clone());
        let ended = |status, error| task_mail::Attempted { id, status, error, left_out };
        let outcome = match Box::pin(sending.message(services, *letter)).await? {
            Ok(message) => Box::pin(sending.client.send(&message)).await,
            // It would be the same at each attempt, until somebody mends it and has it sent again.
            Err(reason) => Err(Refusal::ForGood(reason)),
        };
        let (result, made) = match outcome {
            Ok(()) => ("sent", (Attempted::Delivered, ended(MailStatus::Sent, None))),
            Err(Refusal::ForGood(why)) => {
                ("dead", (Attempted::Failed(why.clone(), None), ended(MailStatus::Failed, Some(why))))
            }
            Err(Refusal::ForNow(why)) => {
                let pause = due_again(&sending.settings.retry_pauses_s, delivery.attempts, None);
                let due = pause.map(|pause| services.clock.now() + pause);
                let status = if due.is_some() { MailStatus::Queued } else { MailStatus::Failed };
                ("failed", (Attempted::Failed(why.clone(), due), ended(status, Some(why))))
            }
        };
        metrics::counter!("tasks_mails_total", "result" => result).increment(1);
        Ok(made)
    }
}

impl Sending {
    /// The mail as it is sent, or why it can't be.
    async fn message(
        &self,
        services: &Arc<ServiceContext>,
        letter: Letter,
    ) -> Result<Result<Message, String>> {
        let default = &self.settings.language;
        let reader = letter.person.as_ref().map_or(default, |person| &person.language).clone();
        let sources = self.sources(services, &letter.mail.template, &reader).await?;
        let Some(sources) = sources else {
            return Ok(Err(task_template::gone(&letter.mail.template)));
        };
        let values = self.values(services, &letter, &reader).await?;
        let rendered = match sources.render(&values) {
            Ok(rendered) => rendered,
            Err(fault) => {
                return Ok(Err(format!(
                    "the {} of the template {} can't be rendered: {}",
                    fault.part, letter.mail.template, fault.reason
                )));
            }
        };
        Ok(self.written(services, &letter, rendered))
    }

    /// What mails of this template say to a reader of this language.
    async fn sources(
        &self,
        services: &Arc<ServiceContext>,
        template: &str,
        reader: &str,
    ) -> Result<Option<Parts>> {
        let (name, reader, default) =
            (template.to_owned(), reader.to_owned(), self.settings.language.clone());
        services
            .read(move |_, connection| task_template::of_reader(connection, &name, &reader, &default))
            .await
    }

    async fn values(&self, services: &Arc<ServiceContext>, letter: &Letter, reader: &str) -> Result<Json> {
        let link = self.settings.task_link(&letter.mail.entity_id.to_string());
        let Some(person) = &letter.person else {
            return Ok(values_of_address(&letter.mail, link.as_deref()));
        };
        let recipient = recipient(person);
        if let Some((token, expires)) = &letter.token {
            let link = self.settings.reset_link(&person.username, token);
            let expires = expires.format("%Y-%m-%dT%H:%M:%S").to_string();
            return Ok(json!({ "recipient": recipient, "token": token, "expires": expires, "link": link }));
        }
        if let Some(digest) = &letter.digest {
            let items = self.items(services, digest, &recipient, reader).await?;
            return Ok(values_of_digest(&items, digest.more, &recipient));
        }
        let body = match &letter.event {
            Some(event) => self.payloads.body(services, event).await?,
            None => Json::Null,
        };
        Ok(values(body, &recipient, link.as_deref()))
    }

    /// What a digest shows of each mail: the subject that it would have by itself, and where to look.
    async fn items(
        &self,
        services: &Arc<ServiceContext>,
        digest: &Gathered,
        recipient: &Json,
        reader: &str,
    ) -> Result<Vec<Json>> {
        let (mut subjects, mut items) = (HashMap::new(), Vec::new());
        for Item { mail, event } in &digest.items {
            let link = self.settings.task_link(&mail.entity_id.to_string());
            let values = values(self.payloads.body(services, event).await?, recipient, link.as_deref());
            let subject = match subjects.entry(&mail.template) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let sources = self.sources(services, &mail.template, reader).await?;
                    let subject = sources.map(|Parts { subject, .. }| subject);
                    unknown.insert(Parts { subject: subject.unwrap_or_default(), ..Parts::default() })
                }
            };
            // What can't be rendered must not hold back the rest.
            let subject = subject.render(&values).map(|parts| parts.subject).unwrap_or_default();
            items.push(item_of_digest(mail, &values, &subject));
        }
        Ok(items)
    }

    fn written(&self, services: &ServiceContext, letter: &Letter, parts: Parts) -> Result<Message, String> {
        let person = letter.person.as_ref();
        let of_person = person.and_then(|person| person.email.as_deref());
        let address = letter.mail.address.as_deref().or(of_person).unwrap_or_default().trim();
        let to = address.parse::<Address>().map_err(|error| error.to_string()).and_then(with_ascii_domain);
        let to = to.map_err(|reason| format!("{address:?} is no address: {reason}"))?;
        let name = person.map(|person| one_line(&full_name(person))).filter(|name| !name.is_empty());
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, to))
            .subject(parts.subject)
            .date(SystemTime::from(services.clock.now().and_utc()))
            .message_id(Some(letter.mail.message_id.clone()))
            // Nobody's answering machine is to answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let message = if parts.html.trim().is_empty() {
            builder.singlepart(SinglePart::plain(parts.text))
        } else {
            builder.multipart(MultiPart::alternative_plain_html(parts.text, parts.html))
        };
        message.map_err(|error| format!("it can't be written: {error}"))
    }
}

/// The address with the name of its domain as every mail server knows it, whatever script it is written in. Letters before the `@` stay:
/// they need a server that offers SMTPUTF8.
fn with_ascii_domain(address: Address) -> Result<Address, String> {
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = Host::parse(address.domain()).map_err(|error| error.to_string())?;
    Address::new(address.user(), domain.to_string()).map_err(|error| error.to_string())
}
