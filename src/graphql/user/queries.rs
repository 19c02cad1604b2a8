//! Reading users and languages.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::user::filters::USERS;
use crate::graphql::user::stubs::UserDistrict;
use crate::graphql::user::types::{LanguageNode, UserNode};
use crate::service::user;

/// Reading users and languages.
#[derive(Default)]
pub struct UserQueries;

#[Object]
impl UserQueries {
    /// All users; for people with the right to list them.
    async fn users(&self, ctx: &Context<'_>) -> Result<Option<Connection<UserNode>>> {
        let list = |services, requester, query| user::list(services, requester, query);
        listed(ctx, &USERS, None, list).await.map(Some)
    }

    /// The user who is logged in.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        Ok(Some(request(ctx)?.requester()?.user.clone().into()))
    }

    /// Whether a new user may have this name: all of it is seen, and nobody's reads like it; for people with the right to list users.
    async fn validate_username(&self, ctx: &Context<'_>, username: String) -> Result<Option<bool>> {
        let context = request(ctx)?;
        user::is_name_free(&context.services, context.requester()?, username).await.map(Some)
    }

    /// Whether a new user may have this e-mail address: nobody's reads like it; for people with the right to list users.
    async fn validate_user_email(&self, ctx: &Context<'_>, user_email: String) -> Result<Option<bool>> {
        let context = request(ctx)?;
        user::is_email_free(&context.services, context.requester()?, user_email).await.map(Some)
    }

    /// The languages that users can choose. Strangers may ask for them.
    async fn languages(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<LanguageNode>>>> {
        let languages = user::languages(&request(ctx)?.services).await?;
        Ok(Some(languages.into_iter().map(|language| Some(language.into())).collect()))
    }

    /// The districts in which one works: this server has none.
    async fn user_districts(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<UserDistrict>>>> {
        request(ctx)?.requester()?;
        Ok(Some(Vec::new()))
    }
}
