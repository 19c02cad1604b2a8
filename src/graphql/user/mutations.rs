//! The data that users change about themselves.

use async_graphql::{Context, InputObject, Object};

use crate::error::Result;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::user::mail_frequency::ChangeMailFrequencyMutationInput;
use crate::service::user;

payloads! {
    ChangeUserLanguagePayload => "ChangeUserLanguageMutationPayload",
    ChangeMailFrequencyPayload => "ChangeMailFrequencyMutationPayload",
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

    /// Chooses how often one gets mails about tasks: each at once, or digests that list them. Mails that wait come with what is next.
    /// A program can't choose it for its owner.
    async fn change_mail_frequency(
        &self,
        ctx: &Context<'_>,
        input: ChangeMailFrequencyMutationInput,
    ) -> Result<Option<Payload<ChangeMailFrequencyPayload>>> {
        let meta = input.meta.clone();
        let change = input.into();
        journaled(ctx, "changeMailFrequency", &meta, move |unit| user::change_mail_frequency(unit, &change))
            .await
    }
}
