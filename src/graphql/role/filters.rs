//! What lists of roles can be asked for.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup, Value};
use crate::graphql::protocol::arguments::{Argument, Table, boolean, id_int, order_by, paging, text, uuid};
use crate::service::visibility::touched_by;

const NAME: &[Lookup] = &[Lookup::Exact, Lookup::Istartswith, Lookup::Icontains, Lookup::Iexact];

/// `Query.role`
pub static ROLE: Table = LazyLock::new(|| {
    let root = vec![
        Argument::own("isSystem", "Boolean", |given| {
            let none = Condition::equals("is_system", Value::Int(0));
            Ok(Some(if given.bool()? { Condition::Not(Box::new(none)) } else { none }))
        }),
        Argument::own("roleRight", "Int", |given| Ok(Some(Condition::GrantsRight { right: given.int()? }))),
        Argument::own("systemRoleId", "Int", |given| {
            Ok(Some(Condition::equals("is_system", Value::Int(given.int()?))))
        }),
        Argument::ignored("showHistory", "Boolean", "Ignored: roles are not kept in versions."),
        Argument::own("clientMutationId", "String", |given| {
            Ok(given.text()?.map(|id| touched_by(given.requester, id)))
        }),
        Argument::own("str", "String", |given| {
            Ok(given.text()?.map(|text| Condition::search(&["name"], &text)))
        }),
    ];
    [
        order_by(),
        root,
        paging(),
        id_int("id", "id", "RoleGQLType"),
        uuid("uuid", "String", "uuid", "RoleGQLType"),
        text("name", "String", "name", NAME),
        boolean("isBlocked", "is_blocked"),
    ]
    .into_iter()
    .flatten()
    .collect()
});
