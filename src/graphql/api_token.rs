//! Tokens of programs in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object};
use uuid::Uuid;

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    RANGE, Table, absent, client_mutation_id, join, moment, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::payload::{
    MutationMeta, Payload, SecretPayload, journaled, journaled_secret, payloads,
};
use crate::graphql::protocol::scalars::{Moment, UuidOrGlobalId, global_id};
use crate::graphql::user::types::{UserNode, user};
use crate::model::api_token::ApiToken;
use crate::service::api_token::{self, NewApiToken};

payloads! {
    CreateApiTokenPayload => "CreateApiTokenMutationPayload",
    RevokeApiTokenPayload => "RevokeApiTokenMutationPayload",
}

shows! {
    /// A token with which a program asks in the name of a user. Only the mutation that makes it shows it.
    #[graphql(name = "ApiTokenGQLType", complex)]
    pub struct ApiTokenNode of token: ApiToken {
        pub id: ID = global_id("ApiTokenGQLType", token.id),
        uuid: String = token.id.to_string(),
        /// What the token is for.
        name: String = token.token_name.clone().unwrap_or_default(),
        /// The rights that the program has, as far as the user has them.
        rights: Vec<i32> = token.rights(),
        date_created: Moment,
        /// When the token ends.
        date_expires: Moment,
        /// When the token was revoked.
        date_revoked: Option<Moment>,
        /// When the token was last used, to the minute.
        date_used: Option<Moment>,
        #[graphql(skip)]
        owner: Uuid = token.user_id,
    }
}

#[ComplexObject]
impl ApiTokenNode {
    /// The user in whose name the program asks.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.owner).await
    }
}

/// The token to be made.
#[derive(InputObject, Debug, Clone)]
pub struct CreateApiTokenMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// What the token is for.
    name: String,
    /// When the token ends.
    expires: Moment,
    /// Some of the user's rights. A program is never a superuser.
    rights: Vec<i32>,
    /// The user in whose name the program asks; absent: oneself.
    username: Option<String>,
}

/// The tokens to be revoked.
#[derive(InputObject, Debug, Clone)]
pub struct RevokeApiTokenMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// `Query.apiTokens`
pub static API_TOKENS: Table = LazyLock::new(|| {
    join([
        order_by(),
        client_mutation_id(),
        paging(),
        uuid("id", "ID", "id", "ApiTokenGQLType"),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        text("name", "String", "token_name", &[Lookup::Exact, Lookup::Icontains]),
        moment("dateExpires", "date_expires", RANGE),
        absent("dateRevoked", "date_revoked"),
    ])
});

/// Reading tokens of programs.
#[derive(Default)]
pub struct ApiTokenQueries;

#[Object]
impl ApiTokenQueries {
    /// One's own tokens; for people with the right to list users, everybody's.
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Option<Connection<ApiTokenNode>>> {
        let list = |services, requester, query| api_token::list(services, requester, query);
        listed(ctx, &API_TOKENS, None, list).await.map(Some)
    }
}

/// Making and revoking tokens of programs.
#[derive(Default)]
pub struct ApiTokenMutations;

#[Object]
impl ApiTokenMutations {
    /// Makes a token, to be sent as `Authorization: Bearer …`. Only this answer shows it. A program makes no tokens.
    async fn create_api_token(
        &self,
        ctx: &Context<'_>,
        input: CreateApiTokenMutationInput,
    ) -> Result<Option<SecretPayload<CreateApiTokenPayload>>> {
        let new = NewApiToken {
            name: input.name,
            expires: input.expires.0,
            rights: input.rights,
            username: input.username,
        };
        journaled_secret(ctx, "createApiToken", &input.meta, move |unit| api_token::create(unit, &new)).await
    }

    /// Ends tokens at once, on every server.
    async fn revoke_api_token(
        &self,
        ctx: &Context<'_>,
        input: RevokeApiTokenMutationInput,
    ) -> Result<Option<Payload<RevokeApiTokenPayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "revokeApiToken", &input.meta, move |unit| api_token::revoke(unit, &ids)).await
    }
}
