//! The arguments of lists of users.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    ANY_OF, Argument, Arguments, Given, Table, boolean, client_mutation_id, id_int, join, order_by, paging,
    text, uuid,
};
use crate::service::user::NAMES;

/// `Query.users`
pub static USERS: Table = LazyLock::new(|| join([root(), paging(), fields()]));

/// Lists of users inside interactive users.
pub static NESTED_USERS: Table = LazyLock::new(|| join([paging(), fields()]));

fn root() -> Arguments {
    let own = vec![
        Argument::own("roleId", "Int", |given| Ok(Some(Condition::HasRole { roles: vec![given.int()?] }))),
        Argument::own("roles", "[Int]", roles).described(ANY_OF),
        Argument::own("healthFacilityId", "Int", nobody).described(NO_PLACE),
        Argument::own("regionId", "Int", nobody).described(NO_PLACE),
        Argument::own("regionIds", "[Int]", nobody_of).described(NO_PLACES),
        Argument::own("districtId", "Int", nobody).described(NO_PLACE),
        Argument::own("municipalityId", "Int", nobody).described(NO_PLACE),
        Argument::own("villageId", "Int", nobody).described(NO_PLACE),
        Argument::own("birthDateFrom", "Date", nobody).described("Finds nobody: days of birth are not kept."),
        Argument::own("birthDateTo", "Date", nobody).described("Finds nobody: days of birth are not kept."),
        Argument::ignored("validity", "Date", "Ignored: `userHistory` shows the versions of users."),
        Argument::ignored("showHistory", "Boolean", "Ignored: `userHistory` shows the versions of users."),
        Argument::ignored(
            "showDeleted",
            "Boolean",
            "Ignored: who may not log in any more is listed like everybody.",
        ),
        Argument::own("str", "String", |given| {
            Ok(given.text()?.map(|text| Condition::search_words(NAMES, &text)))
        })
        .described("Finds those in whose names and e-mail address each word stands, as in a full name."),
        Argument::own("parentLocation", "String", nobody_named).described(NO_PLACE),
        Argument::own("parentLocationLevel", "Int", nobody).described(NO_PLACE),
    ];
    join([
        order_by(),
        client_mutation_id(),
        text("lastName", "String", "last_name", &[Lookup::Exact]),
        text("otherNames", "String", "other_names", &[Lookup::Exact]),
        text("phone", "String", "phone", &[Lookup::Exact]),
        text("email", "String", "email", &[Lookup::Exact]),
        text("language", "String", "language", &[Lookup::Exact]),
        own,
    ])
}

const NO_PLACE: &str = "Finds nobody: users have no place here.";
const NO_PLACES: &str =
    "Finds nobody: users have no place here. An empty list asks for nothing, as if it were absent.";

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "UserGQLType"),
        text("username", "String", "username", &[Lookup::Exact, Lookup::Icontains]),
        id_int("iUser_Id", "i_user__id", "InteractiveUserGQLType"),
        uuid("iUser_Uuid", "UUID", "i_user__uuid", "UserGQLType"),
        text("iUser_LastName", "String", "i_user__last_name", &[Lookup::Icontains]),
        text("iUser_OtherNames", "String", "i_user__other_names", &[Lookup::Icontains]),
        text("iUser_Phone", "String", "i_user__phone", &[Lookup::Iexact]),
        text("iUser_LoginName", "String", "i_user__login_name", &[Lookup::Iexact]),
        text("iUser_Email", "String", "i_user__email", &[Lookup::Iexact]),
        boolean("iUser_IsAssociated", "i_user__is_associated"),
        text("iUser_LanguageId", "ID", "i_user__language_id", &[Lookup::Exact]),
    ])
}

fn roles(given: &Given<'_>) -> Result<Option<Condition>> {
    let roles = given.items()?.iter().map(Given::int).collect::<Result<Vec<i64>>>()?;
    Ok((!roles.is_empty()).then_some(Condition::HasRole { roles }))
}

/// Finds nobody: users have no place and no day of birth here.
#[expect(clippy::unnecessary_wraps, reason = "the type of all such functions")]
const fn nobody(_: &Given<'_>) -> Result<Option<Condition>> {
    Ok(Some(Condition::nothing()))
}

fn nobody_of(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok((!given.items()?.is_empty()).then(Condition::nothing))
}

fn nobody_named(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|_| Condition::nothing()))
}
