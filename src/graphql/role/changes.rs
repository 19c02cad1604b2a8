//! Creating, changing, duplicating and deleting roles in GraphQL.

use async_graphql::{Context, InputObject, Object};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads, without_null};
use crate::graphql::protocol::scalars::read_uuid;
use crate::message::Message;
use crate::service::role::{self, RoleInput};

payloads! {
    CreateRolePayload => "CreateRoleMutationPayload",
    UpdateRolePayload => "UpdateRoleMutationPayload",
    DeleteRolePayload => "DeleteRoleMutationPayload",
    DuplicateRolePayload => "DuplicateRoleMutationPayload",
}

/// The role to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateRoleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// For changes only: the server makes the key of a new role.
    uuid: Option<String>,
    #[graphql(flatten)]
    fields: RoleFields,
}

/// The fields of a role as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateRoleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    uuid: String,
    #[graphql(flatten)]
    fields: RoleFields,
}

/// The role to be created as another one is. Without `rightsId`, it grants the same.
#[derive(InputObject, Debug, Clone)]
pub struct DuplicateRoleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// The other role.
    uuid: String,
    #[graphql(flatten)]
    fields: RoleFields,
}

/// The fields of a role.
#[derive(InputObject, Debug, Clone)]
struct RoleFields {
    /// A name that no other role has.
    name: Option<String>,
    /// The name in another language.
    alt_language: Option<String>,
    /// Whether the role comes with the system. That makes no superusers.
    is_system: Option<bool>,
    /// Whether the role is blocked, so that it grants nothing.
    is_blocked: Option<bool>,
    /// The rights that the role is to grant, and no others. Nobody grants what he does not hold.
    rights_id: Option<Vec<Option<i32>>>,
}

/// The roles to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteRoleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    uuids: Vec<Option<String>>,
}

impl RoleFields {
    fn read(&self) -> Result<RoleInput> {
        let given = self.clone();
        Ok(RoleInput {
            name: given.name,
            alt_language: given.alt_language,
            is_system: given.is_system,
            is_blocked: given.is_blocked,
            rights: given.rights_id.map(|rights| without_null("rightsId", rights)).transpose()?,
        })
    }
}

/// Creating, changing, duplicating and deleting roles.
#[derive(Default)]
pub struct RoleMutations;

#[Object]
impl RoleMutations {
    /// Creates a role.
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        input: CreateRoleMutationInput,
    ) -> Result<Option<Payload<CreateRolePayload>>> {
        let (uuid, fields) = (input.uuid, input.fields);
        journaled(ctx, "createRole", &input.meta, move |unit| {
            if uuid.as_ref().is_some_and(|uuid| !uuid.is_empty()) {
                return Err(Error::validation("uuid", Message::new("key-of-new").with("field", "uuid")));
            }
            role::create(unit, &fields.read()?).map(drop)
        })
        .await
    }

    /// Changes a role, and the rights that it grants.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        input: UpdateRoleMutationInput,
    ) -> Result<Option<Payload<UpdateRolePayload>>> {
        let (uuid, fields) = (input.uuid, input.fields);
        journaled(ctx, "updateRole", &input.meta, move |unit| {
            role::update(unit, key("uuid", &uuid)?, &fields.read()?).map(drop)
        })
        .await
    }

    /// Creates a role that grants what another one does.
    async fn duplicate_role(
        &self,
        ctx: &Context<'_>,
        input: DuplicateRoleMutationInput,
    ) -> Result<Option<Payload<DuplicateRolePayload>>> {
        let (uuid, fields) = (input.uuid, input.fields);
        journaled(ctx, "duplicateRole", &input.meta, move |unit| {
            role::duplicate(unit, key("uuid", &uuid)?, &fields.read()?).map(drop)
        })
        .await
    }

    /// Deletes roles that nobody has: all of them, or none.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        input: DeleteRoleMutationInput,
    ) -> Result<Option<Payload<DeleteRolePayload>>> {
        let uuids = input.uuids;
        journaled(ctx, "deleteRole", &input.meta, move |unit| {
            let ids: Result<Vec<Uuid>> = uuids.iter().flatten().map(|id| key("uuids", id)).collect();
            role::delete(unit, &ids?)
        })
        .await
    }
}

/// A key in an input that openIMIS declares as a text.
fn key(field: &str, text: &str) -> Result<Uuid> {
    read_uuid(text, None)
        .ok_or_else(|| Error::validation(field, Message::new("need-id").with("field", field)))
}
