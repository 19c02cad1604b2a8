//! Passwords in GraphQL. The journal gets no entry of them, because that would hold the passwords.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{RequestContext, request};
use crate::message::Message;
use crate::service::{login, password, task_mail};

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

/// Whose password is to be set anew.
#[derive(InputObject, Clone)]
pub struct ResetPasswordMutationInput {
    username: String,
    client_mutation_id: Option<String>,
}

/// A new password for the person to whom a token was given.
#[derive(InputObject, Clone)]
pub struct SetPasswordMutationInput {
    username: String,
    /// What `resetPassword` sent by mail, or gave to an administrator.
    #[graphql(secret)]
    token: String,
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

/// Whether a token was asked for or made.
#[derive(SimpleObject)]
pub struct ResetPasswordMutationPayload {
    success: Option<bool>,
    error: Option<String>,
    /// The token, which is never shown again: for `setPassword` by the person whose password is to be set. Null where the person gets it
    /// by mail.
    token: Option<String>,
    client_mutation_id: Option<String>,
}

/// Whether the password was set.
#[derive(SimpleObject)]
pub struct SetPasswordMutationPayload {
    success: Option<bool>,
    error: Option<String>,
    client_mutation_id: Option<String>,
}

/// Which passwords may be chosen.
#[derive(SimpleObject)]
#[graphql(name = "PasswordPolicyGQLType")]
pub struct PasswordPolicy {
    /// How many characters a password has at least.
    min_length: i32,
    /// How many bytes a password has at most.
    max_length: i32,
    /// Whether the commonest passwords are refused.
    refuses_commonest: bool,
    /// Whether passwords are refused that hold the names or the e-mail address of their owner.
    refuses_own_names: bool,
}

/// Changing passwords.
#[derive(Default)]
pub struct PasswordMutations;

#[Object]
impl PasswordMutations {
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
            let old = input.old_password.unwrap_or_default();
            login::change_password(&context.services, requester, old, input.new_password).await
        };
        let error = said(context, outcome)?.err();
        let success = Some(error.is_none());
        Ok(Some(ChangePasswordMutationPayload {
            success,
            error,
            client_mutation_id: input.client_mutation_id,
        }))
    }

    /// Has a token made by which a person sets a new password, and sends it to that person by mail. Anybody may ask for it: the answer
    /// is the same, whether there is such a person or not. Where no mails are sent, or for a person without an address, the token is
    /// shown to people who may change that person, and strangers are told to ask one of these.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordMutationInput,
    ) -> Result<Option<ResetPasswordMutationPayload>> {
        let context = request(ctx)?;
        let outcome = match context.requester() {
            Err(_) if context.services.mail.is_on() => {
                let address = context.call.address;
                task_mail::ask_reset(&context.services, input.username, address).await.map(|()| None)
            }
            Err(_) => Err(Error::new(ErrorCode::Forbidden, Message::new("ask-an-administrator"))),
            Ok(requester) => {
                let username = input.username;
                let make = move |unit: &mut crate::service::unit_of_work::UnitOfWork<'_>| {
                    password::reset::begin(unit, &username)
                };
                context.services.write(requester, make).await
            }
        };
        let (token, error) = match said(context, outcome)? {
            Ok(token) => (token, None),
            Err(error) => (None, Some(error)),
        };
        let (success, client_mutation_id) = (Some(error.is_none()), input.client_mutation_id);
        Ok(Some(ResetPasswordMutationPayload { success, error, token, client_mutation_id }))
    }

    /// Sets a password by a token of `resetPassword`. Open to strangers. The person's sessions end.
    async fn set_password(
        &self,
        ctx: &Context<'_>,
        input: SetPasswordMutationInput,
    ) -> Result<Option<SetPasswordMutationPayload>> {
        let context = request(ctx)?;
        let outcome =
            password::reset::finish(&context.services, input.username, input.token, input.new_password).await;
        let error = said(context, outcome)?.err();
        let success = Some(error.is_none());
        Ok(Some(SetPasswordMutationPayload { success, error, client_mutation_id: input.client_mutation_id }))
    }
}

/// Reading which passwords may be chosen.
#[derive(Default)]
pub struct PasswordQueries;

#[Object]
impl PasswordQueries {
    /// Which passwords may be chosen. Strangers may ask, because they may be about to set one.
    async fn password_policy(&self, ctx: &Context<'_>) -> Result<Option<PasswordPolicy>> {
        let (min, max) = password::lengths(&request(ctx)?.services);
        let bounded = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
        Ok(Some(PasswordPolicy {
            min_length: bounded(min),
            max_length: bounded(max),
            refuses_commonest: true,
            refuses_own_names: true,
        }))
    }
}

/// What came of it; a refusal in the words of the requester's language.
fn said<T>(context: &RequestContext, outcome: Result<T>) -> Result<std::result::Result<T, String>> {
    let strangers = |_| context.call.language.as_str();
    let language = context.requester().map_or_else(strangers, |requester| requester.user.language.as_str());
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(error) if error.is_internal() => Err(error),
        Err(error) => Ok(Err(error.message().text(language))),
    }
}
