//! The fields that all mutations take and answer, and the way of every mutation through the journal.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::{Context, InputObject, Object, TypeName};

use crate::error::{Error, Result};
use crate::graphql::protocol::content::{canonical_form, content};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::ParsedJsonString;
use crate::message::Message;
use crate::service::mutation::{self, Ran, Receipt, Request};
use crate::service::unit_of_work::UnitOfWork;

/// The fields that every mutation takes.
#[derive(InputObject, Debug, Clone, Default)]
pub struct MutationMeta {
    /// The client's description of the mutation, which the journal shows.
    pub client_mutation_label: Option<String>,
    /// Further descriptions by the client.
    pub client_mutation_details: Option<Vec<Option<String>>>,
    /// Data of other modules, which the journal keeps.
    pub mutation_extensions: Option<ParsedJsonString>,
    /// The client's own id of the mutation. A mutation that is sent again with the same id does not run again.
    pub client_mutation_id: Option<String>,
}

/// The name of a mutation's answer. The names differ, the fields do not.
pub trait PayloadName: Send + Sync {
    /// The name in the schema.
    const NAME: &'static str;
}

/// The answer of a mutation. The journal says whether the mutation succeeded; so does the answer, with
/// `journal.answer_errors`.
pub struct Payload<M> {
    receipt: Receipt,
    name: PhantomData<M>,
}

impl<M: PayloadName> TypeName for Payload<M> {
    fn type_name() -> Cow<'static, str> {
        M::NAME.into()
    }
}

#[Object(name_type)]
impl<M: PayloadName> Payload<M> {
    /// The key of the mutation's entry in the journal.
    async fn internal_id(&self) -> Option<String> {
        Some(self.receipt.internal_id.to_string())
    }

    /// The client's own id of the mutation.
    async fn client_mutation_id(&self) -> Option<&str> {
        self.receipt.client_mutation_id.as_deref()
    }
}

/// The answer of a mutation that makes a secret.
pub struct SecretPayload<M> {
    receipt: Receipt,
    secret: Option<String>,
    name: PhantomData<M>,
}

impl<M: PayloadName> TypeName for SecretPayload<M> {
    fn type_name() -> Cow<'static, str> {
        M::NAME.into()
    }
}

#[Object(name_type)]
impl<M: PayloadName> SecretPayload<M> {
    /// The key of the mutation's entry in the journal.
    async fn internal_id(&self) -> Option<String> {
        Some(self.receipt.internal_id.to_string())
    }

    /// The client's own id of the mutation.
    async fn client_mutation_id(&self) -> Option<&str> {
        self.receipt.client_mutation_id.as_deref()
    }

    /// The secret, which is never shown again; null if the mutation made none, failed, or had run before.
    async fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }
}

/// Declares the names of answers of mutations.
macro_rules! payloads {
    ($($name:ident => $type_name:literal),+ $(,)?) => {
        $(
            #[doc = concat!("Names `", $type_name, "`.")]
            pub struct $name;
            impl $crate::graphql::protocol::payload::PayloadName for $name {
                const NAME: &'static str = $type_name;
            }
        )+
    };
}
pub(crate) use payloads;

/// Runs the present mutation through the journal.
///
/// # Errors
/// Those of [`mutation::run`], and UNAUTHENTICATED for a stranger.
pub async fn journaled<M, F>(
    ctx: &Context<'_>,
    mutation: &'static str,
    meta: &MutationMeta,
    work: F,
) -> Result<Option<Payload<M>>>
where
    F: Fn(&mut UnitOfWork<'_>) -> Result<()> + Send + 'static,
{
    let ran = run(ctx, mutation, meta, work).await?;
    Ok(Some(Payload { receipt: ran.receipt, name: PhantomData }))
}

/// Runs the present mutation through the journal. `work` may make a secret, which the answer shows and the journal does not
/// hold.
///
/// # Errors
/// Those of [`mutation::run`], and UNAUTHENTICATED for a stranger.
pub async fn journaled_secret<M, S, F>(
    ctx: &Context<'_>,
    mutation: &'static str,
    meta: &MutationMeta,
    work: F,
) -> Result<Option<SecretPayload<M>>>
where
    S: Into<Option<String>> + Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<S> + Send + 'static,
{
    let ran = run(ctx, mutation, meta, work).await?;
    let secret = ran.given.and_then(Into::into);
    Ok(Some(SecretPayload { receipt: ran.receipt, secret, name: PhantomData }))
}

/// Runs the present mutation through the journal, and gives all that came of it.
///
/// # Errors
/// Those of [`tell`], and the mutation's own with `journal.answer_errors`.
pub async fn run<T, F>(
    ctx: &Context<'_>,
    mutation: &'static str,
    meta: &MutationMeta,
    work: F,
) -> Result<Ran<T>>
where
    T: Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
{
    let ran = tell(ctx, mutation, meta, work).await?;
    match ran.refusal {
        Some(refusal) if answers_errors(ctx)? => Err(refusal),
        refusal => Ok(Ran { refusal, ..ran }),
    }
}

/// Whether mutations answer their errors.
pub fn answers_errors(ctx: &Context<'_>) -> Result<bool> {
    Ok(request(ctx)?.services.journal.answer_errors)
}

/// Runs the present mutation through the journal, and gives all that came of it, its refusal too.
///
/// # Errors
/// Those of [`mutation::run`], and UNAUTHENTICATED for a stranger.
pub async fn tell<T, F>(
    ctx: &Context<'_>,
    mutation: &'static str,
    meta: &MutationMeta,
    work: F,
) -> Result<Ran<T>>
where
    T: Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
{
    let context = request(ctx)?;
    let (open, secrets) = content(ctx)?;
    let request = Request {
        mutation,
        // An empty id counts as none. Otherwise all requests with an empty id would be taken for one.
        client_mutation_id: meta.client_mutation_id.clone().filter(|id| !id.is_empty()),
        client_mutation_label: meta.client_mutation_label.clone(),
        client_mutation_details: meta.client_mutation_details.clone(),
        content: open,
        secrets,
        canonical_form: canonical_form(ctx, mutation),
    };
    mutation::run(&context.services, context.requester()?, request, work).await
}

/// The items of a list, of which the interface says that they may be null, and none is.
///
/// # Errors
/// VALIDATION: a null that was left out could mean that all is taken away.
pub fn without_null<T>(field: &'static str, list: Vec<Option<T>>) -> Result<Vec<T>> {
    let refusal = || Error::validation(field, Message::new("null-in-list").with("field", field));
    list.into_iter().map(|item| item.ok_or_else(refusal)).collect()
}
