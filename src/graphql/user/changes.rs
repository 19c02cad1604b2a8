//! Creating, changing and deleting users.

use async_graphql::{Context, Enum, InputObject, Object};
use uuid::Uuid;

use crate::domain::settings::ModuleSettings;
use crate::error::{Error, Result};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads, without_null};
use crate::graphql::protocol::scalars::{Day, Moment, read_uuid};
use crate::message::Message;
use crate::service::password::NewPassword;
use crate::service::user::{self, UserInput};

payloads! {
    CreateUserPayload => "CreateUserMutationPayload",
    UpdateUserPayload => "UpdateUserMutationPayload",
    DeleteUserPayload => "DeleteUserMutationPayload",
}

/// The kinds of users that openIMIS has. Here everybody is INTERACTIVE.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "UserTypeEnum")]
pub enum UserType {
    /// Somebody who logs in.
    Interactive,
    /// Not here.
    Officer,
    /// Not here.
    Technical,
    /// Not here.
    ClaimAdmin,
}

/// The user to be created. It takes `username`; without a password, nobody can log in as that user. `uuid` is for changes only: the
/// server makes the key of a new user.
#[derive(InputObject, Clone)]
pub struct CreateUserMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    fields: UserFields,
    #[graphql(flatten)]
    elsewhere: FieldsElsewhere,
}

/// The fields of a user as they are to be. `uuid` says who is meant, or without that, `username`. Absent fields stay as they
/// are.
#[derive(InputObject, Clone)]
pub struct UpdateUserMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    fields: UserFields,
    #[graphql(flatten)]
    elsewhere: FieldsElsewhere,
}

/// The fields of a user.
#[derive(InputObject, Clone)]
struct UserFields {
    uuid: Option<String>,
    /// The name to log in with.
    username: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// Given names.
    other_names: Option<String>,
    /// E-mail address; an empty one takes the present one away.
    email: Option<String>,
    /// Telephone number; an empty one takes the present one away.
    phone: Option<String>,
    /// Code of the language that the user reads.
    language: Option<String>,
    /// The password, which is kept in no journal. One's own is changed by `changePassword`.
    #[graphql(secret)]
    password: Option<String>,
    /// Keys of the roles that the user is to have, and no others. Nobody gives or takes a role with rights he lacks.
    roles: Option<Vec<Option<i32>>>,
    /// Whether the user may log in and become an executor. When that ends, the user's sessions end, and the tasks that would
    /// wait for the user are weighed again.
    is_active: Option<bool>,
}

/// What users have at other openIMIS servers, and not here. A value in any of these fields is an error in the journal.
#[derive(InputObject, Clone)]
struct FieldsElsewhere {
    /// `[INTERACTIVE]`, or nothing.
    user_types: Option<Vec<Option<UserType>>>,
    health_facility_id: Option<i32>,
    districts: Option<Vec<Option<i32>>>,
    birth_date: Option<Day>,
    address: Option<String>,
    works_to: Option<Moment>,
    substitution_officer_id: Option<i32>,
    phone_communication: Option<bool>,
    location_id: Option<i32>,
    village_ids: Option<Vec<Option<i32>>>,
}

/// The users to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteUserMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    uuids: Vec<Option<String>>,
}

impl UserFields {
    fn read(&self, password: Option<NewPassword>) -> Result<UserInput> {
        let given = self.clone();
        let roles = given.roles.map(|roles| without_null("roles", roles)).transpose()?;
        Ok(UserInput {
            id: given.uuid.filter(|id| !id.is_empty()).map(|id| key("uuid", &id)).transpose()?,
            username: given.username,
            last_name: given.last_name,
            other_names: given.other_names,
            email: given.email,
            phone: given.phone,
            language: given.language,
            roles,
            is_active: given.is_active,
            password,
        })
    }
}

impl FieldsElsewhere {
    /// Refuses what is not kept here.
    fn check(&self) -> Result<()> {
        let is_other = |kind: &Option<UserType>| kind.is_some_and(|kind| kind != UserType::Interactive);
        let said = [
            ("userTypes", self.user_types.iter().flatten().any(is_other)),
            ("healthFacilityId", self.health_facility_id.is_some()),
            ("districts", self.districts.iter().flatten().any(Option::is_some)),
            ("birthDate", self.birth_date.is_some()),
            ("address", self.address.as_ref().is_some_and(|address| !address.is_empty())),
            ("worksTo", self.works_to.is_some()),
            ("substitutionOfficerId", self.substitution_officer_id.is_some()),
            ("phoneCommunication", self.phone_communication == Some(true)),
            ("locationId", self.location_id.is_some()),
            ("villageIds", self.village_ids.iter().flatten().any(Option::is_some)),
        ];
        match said.into_iter().find(|(_, is_said)| *is_said) {
            None => Ok(()),
            Some((field, _)) => {
                Err(Error::validation(field, Message::new("not-kept-of-users").with("field", field)))
            }
        }
    }
}

/// Creating, changing and deleting users.
#[derive(Default)]
pub struct UserChangeMutations;

#[Object]
impl UserChangeMutations {
    /// Creates a user.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserMutationInput,
    ) -> Result<Option<Payload<CreateUserPayload>>> {
        let password = new_password(ctx, &input.fields, |settings| &settings.gql_user_create_perms).await?;
        let meta = input.meta.clone();
        journaled(ctx, "createUser", &meta, move |unit| {
            input.elsewhere.check()?;
            user::create(unit, &input.fields.read(password.clone())?).map(drop)
        })
        .await
    }

    /// Changes a user, blocks or unblocks one, and gives or takes roles.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        input: UpdateUserMutationInput,
    ) -> Result<Option<Payload<UpdateUserPayload>>> {
        let password = new_password(ctx, &input.fields, |settings| &settings.gql_user_update_perms).await?;
        let meta = input.meta.clone();
        journaled(ctx, "updateUser", &meta, move |unit| {
            input.elsewhere.check()?;
            user::update(unit, &input.fields.read(password.clone())?).map(drop)
        })
        .await
    }

    /// Deletes these users: all of them, or none. Their sessions end, and the tasks that would wait for them are weighed
    /// again. `jsonExt` of the journal's entry names the groups that are left without anybody.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        input: DeleteUserMutationInput,
    ) -> Result<Option<Payload<DeleteUserPayload>>> {
        let uuids = input.uuids;
        journaled(ctx, "deleteUser", &input.meta, move |unit| {
            let ids: Result<Vec<Uuid>> = uuids.iter().flatten().map(|id| key("uuids", id)).collect();
            user::delete(unit, &ids?).map(drop)
        })
        .await
    }
}

async fn new_password(
    ctx: &Context<'_>,
    fields: &UserFields,
    needed: fn(&ModuleSettings) -> &Vec<i32>,
) -> Result<Option<NewPassword>> {
    let context = request(ctx)?;
    // An empty password is none, as front ends send the fields of a form.
    match fields.password.clone().filter(|password| !password.is_empty()) {
        None => Ok(None),
        Some(text) => NewPassword::of(&context.services, context.requester()?, text, needed).await.map(Some),
    }
}

/// A key in an input that openIMIS declares as a text.
pub fn key(field: &str, text: &str) -> Result<Uuid> {
    read_uuid(text, Some("UserGQLType"))
        .ok_or_else(|| Error::validation(field, Message::new("need-id").with("field", field)))
}
