//! The wrapper through which every mutation of the interface runs. It writes the entry in the journal, makes the mutation
//! idempotent, and links the entry to the rows that were touched, all in the transaction of the change itself.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::context::ServiceContext;
use super::password::own_ticket;
use super::unit_of_work::{Counted, UnitOfWork, count};
use crate::auth::requester::Requester;
use crate::budget::Budget;
use crate::clock::new_id;
use crate::db::connection::DbConnection;
use crate::db::mutation_log as journal;
use crate::domain::json::Json;
use crate::domain::mutation_log::MutationStatus;
use crate::domain::text::{MAX_TEXT, check_text};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::mutation_log::MutationLog;
use crate::signal::cause;

/// A mutation as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its name.
    pub mutation: &'static str,
    /// The client's own id of it.
    pub client_mutation_id: Option<String>,
    /// The client's description of it.
    pub client_mutation_label: Option<String>,
    /// Further descriptions by the client.
    pub client_mutation_details: Option<Vec<Option<String>>>,
    /// The input as JSON with snake_case keys.
    pub content: String,
    /// What is secret of the input, which the content leaves out.
    pub secrets: Option<Secrets>,
    /// The form in which inputs that ask for the same are equal.
    pub canonical_form: CanonicalForm,
}

/// What is secret of an input: JSON with snake_case keys, which the journal never holds.
#[derive(Clone)]
pub struct Secrets(pub String);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// The one form of all inputs of a mutation that ask for the same; made of an input as the journal keeps it.
#[derive(Clone)]
pub struct CanonicalForm(pub Arc<Canonicalize>);

type Canonicalize = dyn Fn(&str) -> String + Send + Sync;

impl std::fmt::Debug for CanonicalForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CanonicalForm")
    }
}

/// What the client gets back. The journal says whether the mutation succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The key of the entry.
    pub internal_id: Uuid,
    /// The client's own id of it.
    pub client_mutation_id: Option<String>,
}

/// What came of a mutation.
pub struct Ran<T> {
    /// What the client gets back.
    pub receipt: Receipt,
    /// The result of the work, if it was done and committed now, not before.
    pub given: Option<T>,
    /// Why it failed, now or before.
    pub refusal: Option<Error>,
    /// What the journal keeps beside the input, now or since it ran before.
    pub kept: Option<Json>,
}

/// Runs a mutation once for each client id of a person, however often and at whatever moments it is sent.
///
/// # Errors
/// VALIDATION for ids and labels that are too long, CONFLICT for a client id that was used for another input, LIMIT when the
/// journal keeps no more of this person for now, too many of the person's secrets are hashed at once, or mutations before it have
/// used up what a request may cost, and an error of the database if it can't even keep the journal. All other errors go into the
/// journal.
pub async fn run<T, F>(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    request: Request,
    work: F,
) -> Result<Ran<T>>
where
    T: Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
{
    check(&request, services.limits.details_bytes)?;
    let budget = Budget::of_request();
    if let Some(budget) = &budget {
        budget.check()?;
    }
    let mark = mark(services, requester, &request).await?;
    let asked = Arc::new(Asked::new(services, requester, &request, mark)?);
    let depth = cause::depth();
    let outcome = services
        .db
        .write({
            let (services, requester, asked) =
                (Arc::clone(services), Arc::clone(requester), Arc::clone(&asked));
            move |connection| {
                // Only the work itself is counted, so that its refusal can be kept.
                let work = |unit: &mut UnitOfWork<'_>| match &budget {
                    Some(budget) => budget.work(|| work(unit)),
                    None => work(unit),
                };
                attempt(&services, &requester, &asked, (connection, depth), &work)
            }
        })
        .await;
    let (internal_id, given, refusal, kept) = match outcome {
        Ok(done) => {
            count(done.counted);
            if let Some(result) = done.result {
                let mutation = asked.entry.mutation.clone();
                metrics::counter!("tasks_mutations_total", "mutation" => mutation, "result" => result)
                    .increment(1);
            }
            (done.id, done.given, done.refusal, done.kept)
        }
        // A fault of the server undid everything, the entry too. The entry is written again as failed, so that a client that
        // polls for it learns of the fault.
        Err(error) if error.code() == ErrorCode::Internal => {
            let cause = error.unlogged_cause();
            tracing::error!(%error, cause, mutation = asked.entry.mutation, "a mutation failed");
            (enter_failed(services, requester, asked, &error).await?, None, Some(error), None)
        }
        Err(error) => return Err(error),
    };
    let receipt = Receipt { internal_id, client_mutation_id: request.client_mutation_id };
    Ok(Ran { receipt, given, refusal, kept })
}

fn attempt<T>(
    services: &ServiceContext,
    requester: &Requester,
    asked: &Asked,
    (connection, cause_depth): (&mut DbConnection, i32),
    work: &dyn Fn(&mut UnitOfWork<'_>) -> Result<T>,
) -> Result<Done<T>> {
    let (entry, now) = (&asked.entry, services.clock.now());
    if !journal::reserve(connection, entry)? {
        let before = same_as_before(connection, asked)?;
        let refusal = before.error.as_deref().and_then(kept_error);
        let kept = before.json_ext;
        return Ok(Done { id: before.id, result: None, given: None, refusal, counted: Vec::new(), kept });
    }
    let (mut touched, mut counted, mut kept) = (Vec::new(), Vec::new(), None);
    let outcome = connection.savepoint(|connection| {
        let mut unit = UnitOfWork::new(services, requester, connection, cause_depth)?;
        let given = work(&mut unit);
        kept = unit.take_kept();
        let given = given?;
        touched.extend_from_slice(unit.touched());
        counted = unit.take_counted();
        Ok(given)
    });
    let bytes = kept.as_ref().map_or(0, |kept| kept.to_string().len());
    let (result, given, refusal) = match outcome {
        Ok(given) => {
            touched.sort_unstable();
            touched.dedup();
            services.journal_quota.keep(requester.id(), asked.size() + bytes, now)?;
            // The content says what was asked for, but what was secret of it.
            let hash = asked.mark.as_ref().map(|_| asked.content_hash());
            let told = (asked.content.as_str(), asked.details.as_deref(), hash.as_deref());
            journal::complete(connection, entry.id, told, &touched, kept.as_ref())?;
            ("success", Some(given), None)
        }
        Err(error) if error.is_internal() => return Err(error),
        Err(error) => {
            services.journal_quota.refuse(requester.id(), now)?;
            services.journal_quota.keep(requester.id(), bytes, now)?;
            let text = error_list(&error, &requester.user.language);
            journal::refuse(connection, entry.id, &text, &asked.content_hash(), kept.as_ref())?;
            ("error", None, Some(error))
        }
    };
    Ok(Done { id: entry.id, result: Some(result), given, refusal, counted, kept })
}

/// The result of an attempt, if it is committed.
struct Done<T> {
    id: Uuid,
    /// The outcome; none for a mutation that had run before.
    result: Option<&'static str>,
    /// The result of the work.
    given: Option<T>,
    /// Why the mutation failed, now or before.
    refusal: Option<Error>,
    counted: Vec<Counted>,
    /// What the journal keeps beside the input.
    kept: Option<Json>,
}

/// The entry if the id was used before: the first one for the same input, else a refusal.
fn same_as_before(connection: &mut DbConnection, asked: &Asked) -> Result<MutationLog> {
    let entry = &asked.entry;
    let conflict = || Error::new(ErrorCode::Conflict, Message::new("mutation-id-reused"));
    let id = entry.client_mutation_id.as_deref().ok_or_else(conflict)?;
    let before = journal::by_client_id(connection, entry.user_id, id)?.ok_or_else(conflict)?;
    let is_same = match &before.content_hash {
        Some(hash) => *hash == asked.content_hash(),
        // It had no secrets.
        None if asked.mark.is_some() => false,
        None => {
            before.json_content == asked.content
                || asked.canonical(&before.json_content) == asked.canonical(&asked.content)
        }
    };
    if before.mutation == entry.mutation && is_same { Ok(before) } else { Err(conflict()) }
}

async fn enter_failed(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    asked: Arc<Asked>,
    error: &Error,
) -> Result<Uuid> {
    let text = error_list(error, &requester.user.language);
    let entry = MutationLog {
        status: MutationStatus::Error,
        error: Some(text),
        content_hash: Some(asked.content_hash()),
        ..asked.entry.clone()
    };
    services
        .db
        .write(move |connection| {
            if journal::reserve(connection, &entry)? {
                Ok(entry.id)
            } else {
                same_as_before(connection, &asked).map(|before| before.id)
            }
        })
        .await
}

/// By what the secrets of an input are known again, so that another one is no repeat. Nobody guesses them from that more cheaply than
/// a password from its hash, nor without a key that is no part of the database. None where nothing is secret, nothing can be
/// repeated, or there is no such key.
async fn mark(
    services: &Arc<ServiceContext>,
    requester: &Requester,
    request: &Request,
) -> Result<Option<String>> {
    let (Some(Secrets(secrets)), Some(id)) = (&request.secrets, &request.client_mutation_id) else {
        return Ok(None);
    };
    let key = &services.auth.secret;
    if key.is_empty() {
        return Ok(None);
    }
    let secrets = (request.canonical_form.0)(secrets);
    let salt = Sha256::new()
        .chain_update(b"the secrets of a mutation\0")
        .chain_update(key)
        .chain_update(requester.id())
        .chain_update(id)
        .finalize();
    let hashing = Arc::clone(services);
    let mark =
        own_ticket(services, requester)?.during(move || hashing.passwords.mark(&secrets, &salt)).await?;
    Ok(Some(STANDARD.encode(mark)))
}

/// What was asked for.
struct Asked {
    /// The entry without the input, as it stays if the mutation is refused: what is written and taken back would take space too.
    entry: MutationLog,
    content: String,
    details: Option<String>,
    canonical_form: CanonicalForm,
    mark: Option<String>,
}

impl Asked {
    fn new(
        services: &ServiceContext,
        requester: &Requester,
        request: &Request,
        mark: Option<String>,
    ) -> Result<Self> {
        /// The longest details that are kept of a refused mutation.
        const LONGEST: usize = 2_000;
        let details = match &request.client_mutation_details {
            Some(details) => Some(serde_json::to_string(details).map_err(Error::internal)?),
            None => None,
        };
        let entry = MutationLog {
            id: new_id(),
            mutation: request.mutation.to_owned(),
            user_id: requester.id(),
            client_mutation_id: request.client_mutation_id.clone(),
            client_mutation_label: request.client_mutation_label.clone(),
            client_mutation_details: details.clone().filter(|details| details.len() <= LONGEST),
            json_content: String::new(),
            request_date_time: services.clock.now(),
            status: MutationStatus::Received,
            error: None,
            autogenerated_code: None,
            json_ext: None,
            content_hash: None,
        };
        let (content, canonical_form) = (request.content.clone(), request.canonical_form.clone());
        Ok(Self { entry, content, details, canonical_form, mark })
    }

    fn canonical(&self, content: &str) -> String {
        (self.canonical_form.0)(content)
    }

    fn content_hash(&self) -> String {
        let content = STANDARD.encode(Sha256::digest(self.canonical(&self.content)));
        match &self.mark {
            Some(mark) => format!("{content}.{mark}"),
            None => content,
        }
    }

    /// How many bytes of it the journal keeps if it is done.
    fn size(&self) -> usize {
        self.content.len() + self.details.as_ref().map_or(0, String::len)
    }
}

fn check(request: &Request, max_details: usize) -> Result<()> {
    for (field, text) in [
        ("clientMutationId", &request.client_mutation_id),
        ("clientMutationLabel", &request.client_mutation_label),
    ] {
        if let Some(text) = text {
            check_text(field, text, MAX_TEXT)?;
        }
    }
    let details = request.client_mutation_details.iter().flatten();
    if details.clone().map(|detail| detail.as_ref().map_or(0, String::len)).sum::<usize>() > max_details {
        let message = Message::new("details-too-large").with("max", max_details);
        return Err(Error::validation("clientMutationDetails", message));
    }
    for detail in details.flatten() {
        check_text("clientMutationDetails", detail, usize::MAX)?;
    }
    check_text("input", &request.content, usize::MAX)
}

/// The error that the journal has kept.
fn kept_error(list: &str) -> Option<Error> {
    let list: serde_json::Value = serde_json::from_str(list).ok()?;
    let code = list[0]["code"].as_str().and_then(ErrorCode::named).unwrap_or(ErrorCode::Conflict);
    let error = Error::new(code, Message::words(list[0]["message"].as_str()?));
    Some(match list[0]["detail"].as_str() {
        Some(field) => error.of_field(field),
        None => error,
    })
}

/// The journal's form of an error, in the language of the requester.
fn error_list(error: &Error, language: &str) -> String {
    let message = error.message().text(language);
    json!([{ "message": message, "detail": error.field(), "code": error.code().as_str() }]).to_string()
}
