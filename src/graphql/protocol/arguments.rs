//! The arguments of lists. A list field has about fifty arguments, and the same ones stand at many places. So they are in
//! tables, one for each kind of row: a table says the name and the type of each argument, and which condition it asks for.
//!
//! The library can't take arguments from a table, so the list fields are declared without arguments, and `Registration`, the
//! last thing that the schema's build registers, adds them. Resolvers read them with [`read`]. This uses the library's
//! `registry`, which is not documented. So each module checks that its schema has them, and a test compares the schema with
//! `schema.graphql`.

use std::borrow::Cow;
use std::sync::LazyLock;

use async_graphql::parser::types::OperationType;
use async_graphql::registry::{Deprecation, MetaInputValue};
use async_graphql::resolver_utils::EnumType;
use async_graphql::{Context, InputType, Name, SelectionField, Value};
use chrono::NaiveDateTime;

use crate::auth::requester::Requester;
use crate::domain::query::{Condition, ListQuery, Lookup, Page, Value as Operand, Wanted};
use crate::domain::text::{check_text, snake_case};
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::scalars::{Moment, read_global_id};
use crate::message::Message;
use crate::service::visibility::touched_by;

mod given;

pub use given::Given;
use given::LONGEST_TEXT;

/// The arguments of a list.
pub type Arguments = Vec<Argument>;

/// A table of arguments, made when it is first used.
pub type Table = LazyLock<Arguments>;

/// One argument.
pub struct Argument {
    name: String,
    ty: Cow<'static, str>,
    meaning: Meaning,
    description: Option<&'static str>,
}

/// What an argument asks for.
enum Meaning {
    /// A condition that compares a field with the value.
    Field { field: &'static str, lookup: Lookup, operand: OperandKind },
    /// A condition of its own, made from the value.
    Own(fn(&Given<'_>) -> Result<Option<Condition>>),
    /// A page of the list, or its order.
    Paging,
    /// Nothing: the argument exists for clients that send it.
    Nothing,
}

/// How the value of an argument is read.
#[derive(Clone, Copy)]
enum OperandKind {
    Text,
    Int,
    Bool,
    Moment,
    Uuid(&'static str),
    GlobalInt(&'static str),
    IntOrGlobal(&'static str),
    OneOf(fn(&Given<'_>) -> Result<&'static str>),
}

impl Argument {
    /// An argument with a condition of its own.
    pub fn own(name: &str, ty: &'static str, condition: fn(&Given<'_>) -> Result<Option<Condition>>) -> Self {
        Self::new(name, ty, Meaning::Own(condition))
    }

    /// An argument that asks for nothing; `why` tells clients the reason.
    pub fn ignored(name: &str, ty: &'static str, why: &'static str) -> Self {
        Self::new(name, ty, Meaning::Nothing).described(why)
    }

    /// The same argument with a description for clients.
    pub fn described(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// The argument, as the schema knows it.
    pub fn registered(&self) -> MetaInputValue {
        MetaInputValue {
            name: self.name.clone(),
            description: self.description.map(str::to_owned),
            ty: self.ty.to_string(),
            deprecation: Deprecation::NoDeprecated,
            default_value: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            is_secret: false,
            directive_invocations: Vec::new(),
        }
    }

    /// Adds to a query what this argument asks for. An argument whose value is null counts as absent.
    fn ask(&self, given: &Given<'_>, query: &mut ListQuery) -> Result<()> {
        if matches!(given.value, Value::Null) {
            return Ok(());
        }
        match &self.meaning {
            Meaning::Field { field, lookup, operand } => {
                if let Some(value) = operand.read(given)? {
                    query.conditions.push(Condition::Field { field, lookup: *lookup, value });
                }
            }
            Meaning::Own(condition) => query.conditions.extend(condition(given)?),
            Meaning::Paging => read_paging(given, &mut query.page, &mut query.order_by)?,
            Meaning::Nothing => {}
        }
        Ok(())
    }

    fn new(name: &str, ty: impl Into<Cow<'static, str>>, meaning: Meaning) -> Self {
        Self { name: name.to_owned(), ty: ty.into(), meaning, description: None }
    }

    fn field(
        name: &str,
        lookup: Lookup,
        ty: &'static str,
        field: &'static str,
        operand: OperandKind,
    ) -> Self {
        let name = format!("{name}{}", suffix(lookup));
        Self::new(&name, ty, Meaning::Field { field, lookup, operand })
    }
}

/// A key: a UUID, or a global id of this type.
pub fn uuid(name: &str, ty: &'static str, field: &'static str, of: &'static str) -> Arguments {
    vec![Argument::field(name, Lookup::Exact, ty, field, OperandKind::Uuid(of))]
}

/// A number that only a global id of this type holds.
pub fn global_int(name: &str, field: &'static str, of: &'static str) -> Arguments {
    vec![Argument::field(name, Lookup::Exact, "ID", field, OperandKind::GlobalInt(of))]
}

/// A number, raw or in a global id of this type.
pub fn id_int(name: &str, field: &'static str, of: &'static str) -> Arguments {
    vec![Argument::field(name, Lookup::Exact, "ID", field, OperandKind::IntOrGlobal(of))]
}

/// Arguments for several comparisons of a text.
pub fn text(name: &str, ty: &'static str, field: &'static str, lookups: &[Lookup]) -> Arguments {
    lookups.iter().map(|lookup| Argument::field(name, *lookup, ty, field, OperandKind::Text)).collect()
}

/// Arguments for several comparisons of a number.
pub fn int(name: &str, field: &'static str, lookups: &[Lookup]) -> Arguments {
    lookups.iter().map(|lookup| Argument::field(name, *lookup, "Int", field, OperandKind::Int)).collect()
}

/// A boolean.
pub fn boolean(name: &str, field: &'static str) -> Arguments {
    vec![Argument::field(name, Lookup::Exact, "Boolean", field, OperandKind::Bool)]
}

/// Arguments for several comparisons of a moment.
pub fn moment(name: &str, field: &'static str, lookups: &[Lookup]) -> Arguments {
    lookups
        .iter()
        .map(|lookup| Argument::field(name, *lookup, "DateTime", field, OperandKind::Moment))
        .collect()
}

/// Whether the field is absent.
pub fn absent(name: &str, field: &'static str) -> Arguments {
    vec![Argument::field(name, Lookup::Isnull, "Boolean", field, OperandKind::Bool)]
}

/// Arguments for several comparisons of an enum. All of them ask for equality, because a whole value is given.
pub fn one_of<E: EnumType + InputType>(name: &str, field: &'static str, lookups: &[Lookup]) -> Arguments {
    let operand = OperandKind::OneOf(|given| Ok(given.one_of::<E>()?.name));
    lookups
        .iter()
        .map(|lookup| {
            let meaning = Meaning::Field { field, lookup: Lookup::Exact, operand };
            Argument::new(&format!("{name}{}", suffix(*lookup)), E::type_name(), meaning)
        })
        .collect()
}

/// `offset before after first last`, which every list has.
pub fn paging() -> Arguments {
    let argument = |name: &str, ty: &'static str| Argument::new(name, ty, Meaning::Paging);
    vec![
        argument("offset", "Int"),
        argument("before", "String"),
        argument("after", "String"),
        argument("first", "Int"),
        argument("last", "Int"),
    ]
}

/// `clientMutationId`: the rows that a mutation of the requester's touched.
pub fn client_mutation_id() -> Arguments {
    vec![Argument::own("clientMutationId", "String", |given| {
        Ok(given.text()?.map(|id| touched_by(given.requester, id)))
    })]
}

/// The filters that all lists of versioned rows have.
pub fn of_record() -> Arguments {
    join([
        moment("dateCreated", "date_created", RANGE),
        moment("dateUpdated", "date_updated", RANGE),
        boolean("isDeleted", "is_deleted"),
        int("version", "version", &[Lookup::Exact]),
    ])
}

/// Joins arguments to one list.
pub fn join<const N: usize>(parts: [Arguments; N]) -> Arguments {
    parts.into_iter().flatten().collect()
}

/// `orderBy`, which lists at the root have.
pub fn order_by() -> Arguments {
    vec![Argument::new("orderBy", "[String]", Meaning::Paging)]
}

/// All comparisons of names that people give.
pub const NAME: &[Lookup] = &[
    Lookup::Exact,
    Lookup::Iexact,
    Lookup::Startswith,
    Lookup::Istartswith,
    Lookup::Contains,
    Lookup::Icontains,
];

/// The comparisons of names that programs give.
pub const TEXT: &[Lookup] = &[Lookup::Exact, Lookup::Iexact, Lookup::Istartswith, Lookup::Icontains];
/// The description of an argument that takes a list of which a row may match any item.
pub const ANY_OF: &str = "Any of these. An empty list asks for nothing, as if it were absent.";

/// All comparisons of moments.
pub const RANGE: &[Lookup] = &[Lookup::Exact, Lookup::Lt, Lookup::Lte, Lookup::Gt, Lookup::Gte];

const fn suffix(lookup: Lookup) -> &'static str {
    match lookup {
        Lookup::Exact => "",
        Lookup::Iexact => "_Iexact",
        Lookup::Contains => "_Contains",
        Lookup::Icontains => "_Icontains",
        Lookup::Startswith => "_Startswith",
        Lookup::Istartswith => "_Istartswith",
        Lookup::Lt => "_Lt",
        Lookup::Lte => "_Lte",
        Lookup::Gt => "_Gt",
        Lookup::Gte => "_Gte",
        Lookup::Isnull => "_Isnull",
    }
}

/// Reads the arguments of the present field, and notes which parts of the list are selected.
///
/// # Errors
/// VALIDATION, naming the argument.
pub fn read(ctx: &Context<'_>, table: &Arguments) -> Result<ListQuery> {
    let request = crate::graphql::protocol::context::request(ctx)?;
    let requester = request.requester()?;
    let page_info = ctx.look_ahead().field("pageInfo");
    let mut query = ListQuery {
        wanted: Wanted {
            total_count: ctx.look_ahead().field("totalCount").exists(),
            neighbours: ["hasNextPage", "hasPreviousPage"].iter().any(|name| page_info.field(name).exists()),
            related: related(ctx),
        },
        ..ListQuery::default()
    };
    let list_length = request.services.limits.list_length;
    let now = request.services.clock.now();
    for (name, value) in &given(ctx)? {
        if let Some(argument) = table.iter().find(|argument| argument.name == name.as_str()) {
            argument.ask(&Given { name, value, requester, list_length, now }, &mut query)?;
        }
    }
    Ok(query)
}

/// The values of an argument of the present field that takes a list of an enum.
///
/// # Errors
/// VALIDATION, naming the argument.
pub fn keys_of<E: EnumType>(ctx: &Context<'_>, argument: &str) -> Result<Vec<E>> {
    let request = crate::graphql::protocol::context::request(ctx)?;
    let requester = request.requester()?;
    let list_length = request.services.limits.list_length;
    let now = request.services.clock.now();
    let arguments = given(ctx)?;
    let Some((name, value)) = arguments.iter().find(|(name, _)| name.as_str() == argument) else {
        return Ok(Vec::new());
    };
    let items = Given { name, value, requester, list_length, now };
    items.items()?.iter().map(|item| Ok(item.one_of::<E>()?.value)).collect()
}

/// The fields of the list's rows of which something is selected in turn. After a mutation nothing is read ahead, because the
/// next one of the document may change it.
fn related(ctx: &Context<'_>) -> Vec<String> {
    if ctx.query_env.operation.node.ty == OperationType::Mutation {
        return Vec::new();
    }
    let nodes = ctx.look_ahead().field("edges").field("node").selection_fields();
    let fields = nodes.iter().flat_map(SelectionField::selection_set);
    let holds_more = |field: &SelectionField<'_>| field.selection_set().next().is_some();
    fields.filter(holds_more).map(|field| snake_case(field.name())).collect()
}

/// Reads arguments that a host gives as JSON: an object with the names of the interface. All parts of the list are wanted.
///
/// # Errors
/// VALIDATION, naming the argument that is unknown or has a wrong value.
pub fn read_json(
    table: &Arguments,
    arguments: serde_json::Value,
    requester: &Requester,
    list_length: usize,
    now: NaiveDateTime,
) -> Result<ListQuery> {
    let mut query = ListQuery {
        wanted: Wanted { total_count: true, neighbours: true, related: Vec::new() },
        ..ListQuery::default()
    };
    let arguments = match Value::from_json(arguments).map_err(Error::internal)? {
        Value::Object(arguments) => arguments,
        Value::Null => return Ok(query),
        _ => return Err(Error::new(ErrorCode::Validation, Message::new("filters-not-an-object"))),
    };
    for (name, value) in &arguments {
        let argument = table.iter().find(|argument| argument.name == name.as_str()).ok_or_else(|| {
            let names: Vec<&str> = table.iter().map(|argument| argument.name.as_str()).collect();
            let message = Message::new("unknown-filter").with("name", name.as_str());
            Error::validation(name.as_str(), message.with_list("allowed", &names))
        })?;
        argument.ask(&Given { name, value, requester, list_length, now }, &mut query)?;
    }
    Ok(query)
}

/// The arguments of the present field as the client gave them, with the values of variables.
///
/// # Errors
/// VALIDATION for a required variable that was not given.
pub fn given(ctx: &Context<'_>) -> Result<Vec<(Name, Value)>> {
    ctx.field().arguments().map_err(|error| {
        let message = Message::new("bad-arguments").with("reason", error.message);
        Error::new(ErrorCode::Validation, message)
    })
}

fn read_paging(given: &Given<'_>, page: &mut Page, order_by: &mut Vec<String>) -> Result<()> {
    match given.name {
        "first" => page.first = Some(given.int()?),
        "last" => page.last = Some(given.int()?),
        "offset" => page.offset = Some(given.int()?),
        "after" => page.after = given.text_of_any_length()?,
        "before" => page.before = given.text_of_any_length()?,
        _ => {
            for item in given.items()? {
                let Value::String(key) = item.value else {
                    return Err(item.wrong(Message::new("need-text")));
                };
                check_text(given.name, key, LONGEST_TEXT)?;
                order_by.push(key.clone());
            }
        }
    }
    Ok(())
}

impl OperandKind {
    /// Reads the value; none for an empty text, which asks for nothing.
    fn read(self, given: &Given<'_>) -> Result<Option<Operand>> {
        if matches!(given.value, Value::String(text) if text.trim().is_empty()) {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Text => match given.text()? {
                Some(text) => Operand::Text(text),
                None => return Ok(None),
            },
            Self::Int => Operand::Int(given.int()?),
            Self::Bool => Operand::Bool(given.bool()?),
            Self::Moment => {
                let text = given.text()?.unwrap_or_default();
                let moment = Moment::parse(&text).ok_or_else(|| given.wrong(Message::new("need-moment")))?;
                Operand::DateTime(moment.0)
            }
            Self::Uuid(of) => Operand::Uuid(given.uuid(of)?),
            Self::GlobalInt(of) | Self::IntOrGlobal(of) => {
                let raw = matches!(self, Self::IntOrGlobal(_));
                let number = match given.value {
                    Value::String(text) => match read_global_id(text) {
                        Some((type_name, key)) if type_name == of => key.parse().ok(),
                        _ if raw => text.trim().parse().ok(),
                        _ => None,
                    },
                    Value::Number(number) if raw => number.as_i64(),
                    _ => None,
                };
                Operand::Int(number.ok_or_else(|| given.wrong(Message::new("need-id")))?)
            }
            Self::OneOf(read) => Operand::Text(read(given)?.to_owned()),
        }))
    }
}
