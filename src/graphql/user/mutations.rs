//! The data that users change about themselves.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::error::{Error, Result};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::message::Message;
use crate::service::{login, user};

payloads! {
    ChangeUserLanguagePayload => "ChangeUserLanguageMutationPayload",
}

/// The language in which one reads.
#[derive(InputObject, Debug, Clone)]
pub struct ChangeUserLanguageMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// The code of the language.
    language_id: String,
}

/// A new password for oneself.
#[derive(InputObject, Clone)]
pub struct ChangePasswordMutationInput {
    /// One's own user name; any other is refused.
    username: Option<String>,
    #[graphql(secret)]
    old_password: Option<String>,
    #[graphql(secret)]
    new_password: String,
    client_mutation_id: Option<String>,
}

/// Whether the password was changed.
#[derive(SimpleObject)]
pub struct ChangePasswordMutationPayload {
    success: Option<bool>,
    error: Option<String>,
    client_mutation_id: Option<String>,
}

/// The data that users change about themselves.
#[derive(Default)]
pub struct UserMutations;

#[Object]
impl UserMutations {
    /// Chooses the language in which one reads.
    async fn change_user_language(
        &self,
        ctx: &Context<'_>,
        input: ChangeUserLanguageMutationInput,
    ) -> Result<Option<Payload<ChangeUserLanguagePayload>>> {
        let language = input.language_id;
        journaled(ctx, "changeUserLanguage", &input.meta, move |unit| user::change_language(unit, &language))
            .await
    }

    /// Changes one's own password, and ends one's other sessions. The journal gets no entry, because that would hold the
    /// password.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordMutationInput,
    ) -> Result<Option<ChangePasswordMutationPayload>> {
        let context = request(ctx)?;
        let requester = context.requester()?;
        let outcome = if input.username.as_ref().is_some_and(|name| *name != requester.user.username) {
            Err(Error::forbidden(Message::new("only-own-password")))
        } else {
            login::change_password(
                &context.services,
                requester,
                input.old_password.unwrap_or_default(),
                input.new_password,
            )
            .await
        };
        let error = match outcome {
            Ok(()) => None,
            Err(error) if error.is_internal() => return Err(error),
            Err(error) => Some(error.message().text(&requester.user.language)),
        };
        Ok(Some(ChangePasswordMutationPayload {
            success: Some(error.is_none()),
            error,
            client_mutation_id: input.client_mutation_id,
        }))
    }
}
