//! The data that users change about themselves.

use async_graphql::{Context, InputObject, Object};

use crate::error::Result;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::service::user;

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
}
