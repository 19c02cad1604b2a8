//! `RoleGQLType`, `UserRoleGQLType` and `RoleRightGQLType`.

use async_graphql::{Context, ID, Object};

use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{InteractiveUserNode, users};
use crate::model::role::{Role, UserRole};
use crate::model::user::User;
use crate::service::role;

/// A named set of rights.
pub struct RoleNode(pub Role);

#[Object(name = "RoleGQLType")]
impl RoleNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("RoleGQLType", self.0.id)
    }

    async fn validity_from(&self) -> Moment {
        Moment(self.0.date_created)
    }

    async fn validity_to(&self) -> Option<Moment> {
        None
    }

    async fn legacy_id(&self) -> Option<i32> {
        None
    }

    async fn uuid(&self) -> String {
        self.0.uuid.to_string()
    }

    async fn name(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    async fn alt_language(&self) -> Option<&str> {
        self.0.alt_language.as_deref()
    }

    async fn is_system(&self) -> i32 {
        self.0.is_system
    }

    async fn is_blocked(&self) -> bool {
        self.0.is_blocked
    }

    async fn audit_user_id(&self) -> Option<i32> {
        None
    }

    /// Who has it, with the right to list users.
    async fn user_roles(&self, ctx: &Context<'_>) -> Result<Vec<UserRoleNode>> {
        let context = request(ctx)?;
        let held = role::holders(&context.services, context.requester()?, self.0.id).await?;
        let holders = users(ctx, held.iter().map(|held| held.user_id).collect()).await?;
        Ok(held
            .into_iter()
            .zip(holders)
            .map(|(held, user)| UserRoleNode { held, role: self.0.clone(), user: user.0 })
            .collect())
    }

    async fn system_role_id(&self) -> Option<i32> {
        Some(self.0.is_system)
    }

    /// What it grants.
    async fn rights(&self, ctx: &Context<'_>) -> Result<Vec<RoleRightNode>> {
        let rights = request(ctx)?.rights_of_roles.load_one(self.0.id).await.map_err(shared)?;
        Ok(rights
            .unwrap_or_default()
            .into_iter()
            .map(|right| RoleRightNode { role: self.0.clone(), right })
            .collect())
    }
}

/// That a user has a role.
pub struct UserRoleNode {
    /// That it is so.
    pub held: UserRole,
    /// The role.
    pub role: Role,
    /// The user.
    pub user: User,
}

#[Object(name = "UserRoleGQLType")]
impl UserRoleNode {
    async fn id(&self) -> ID {
        global_id("UserRoleGQLType", self.held.id)
    }

    async fn validity_from(&self) -> Moment {
        Moment(self.held.date_created)
    }

    async fn validity_to(&self) -> Option<Moment> {
        None
    }

    async fn legacy_id(&self) -> Option<i32> {
        None
    }

    async fn user(&self) -> InteractiveUserNode {
        InteractiveUserNode(self.user.clone())
    }

    async fn role(&self) -> RoleNode {
        RoleNode(self.role.clone())
    }

    async fn audit_user_id(&self) -> Option<i32> {
        None
    }
}

/// That a role grants a right.
pub struct RoleRightNode {
    /// The role.
    pub role: Role,
    /// The right's number.
    pub right: i32,
}

#[Object(name = "RoleRightGQLType")]
impl RoleRightNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("RoleRightGQLType", format!("{}-{}", self.role.id, self.right))
    }

    async fn validity_from(&self) -> Moment {
        Moment(self.role.date_created)
    }

    async fn validity_to(&self) -> Option<Moment> {
        None
    }

    async fn legacy_id(&self) -> Option<i32> {
        None
    }

    async fn role(&self) -> RoleNode {
        RoleNode(self.role.clone())
    }

    async fn right_id(&self) -> i32 {
        self.right
    }

    async fn audit_user_id(&self) -> Option<i32> {
        None
    }
}
