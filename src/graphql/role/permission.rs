//! What rights there are, by module, and whether names of roles are free.

use async_graphql::{Context, Object, SimpleObject};

use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::service::role;

/// The modules with the rights that their operations need.
#[derive(SimpleObject)]
#[graphql(name = "ModulePermissionsListGQLType")]
pub struct ModulePermissionsList {
    module_perms_list: Vec<ModulePermissions>,
}

/// A module with the rights that its operations need.
#[derive(SimpleObject)]
#[graphql(name = "ModulePermissionGQLType")]
pub struct ModulePermissions {
    module_name: String,
    permissions: Vec<Permission>,
}

/// A right.
#[derive(SimpleObject)]
#[graphql(name = "PermissionOpenImisGQLType")]
pub struct Permission {
    /// The setting that says which rights the operation needs.
    perms_name: String,
    /// The number of the right.
    perms_value: i32,
    /// What the right opens, in the language of the requester.
    opens: String,
}

/// Reading which rights there are.
#[derive(Default)]
pub struct PermissionQueries;

#[Object]
impl PermissionQueries {
    /// The rights that operations need, as settings say now; for people with the right to list roles.
    async fn modules_permissions(&self, ctx: &Context<'_>) -> Result<Option<ModulePermissionsList>> {
        let context = request(ctx)?;
        let requester = context.requester()?;
        let operations = role::operations(&context.services, requester).await?;
        let language = requester.user.language.as_str();
        let permissions = operations.iter().flat_map(|operation| {
            operation.rights.iter().map(|right| Permission {
                perms_name: operation.setting.to_owned(),
                perms_value: *right,
                opens: operation.opens.text(language),
            })
        });
        let own = ModulePermissions {
            module_name: "tasks_management".to_owned(),
            permissions: permissions.collect(),
        };
        Ok(Some(ModulePermissionsList { module_perms_list: vec![own] }))
    }

    /// Whether no role has this name; for people with the right to list roles.
    async fn validate_role_name(&self, ctx: &Context<'_>, role_name: String) -> Result<Option<bool>> {
        let context = request(ctx)?;
        role::is_name_free(&context.services, context.requester()?, role_name).await.map(Some)
    }
}
