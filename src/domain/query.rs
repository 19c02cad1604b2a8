//! The query of a list: conditions, order and page, in the words of the interface, not of a database.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::decision::FourEyes;

/// The years that moments and days may have. Years with more digits can't be compared as texts, PostgreSQL can't keep them,
/// and it has no year 0.
pub const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Equal.
    Exact,
    /// Equal, ignoring case.
    Iexact,
    /// Holds the text.
    Contains,
    /// Holds the text, ignoring case.
    Icontains,
    /// Begins with the text.
    Startswith,
    /// Begins with the text, ignoring case.
    Istartswith,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Absent if the value is true, present if it is false.
    Isnull,
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A key.
    Uuid(Uuid),
    /// A number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A moment, naive UTC.
    DateTime(NaiveDateTime),
}

/// A condition on the wanted rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// At least one of these holds. An empty list never holds.
    Any(Vec<Condition>),
    /// A field compares with a value. Fields are named by openIMIS' paths, such as `task_group__code`.
    Field {
        /// The path of the field.
        field: &'static str,
        /// How the field is compared.
        lookup: Lookup,
        /// The value.
        value: Value,
    },
    /// A field equals one of these values. The condition is not nested, however many values there are.
    OneOf {
        /// Its path in openIMIS' words, snake_case.
        field: &'static str,
        /// The values.
        values: Vec<Value>,
    },
    /// This does not hold.
    Not(Box<Condition>),
    /// The row's group is live, and this user is an executor of it.
    ExecutorOfGroup {
        /// The path of the field that holds the group's key.
        group_field: &'static str,
        /// The user.
        user_id: Uuid,
    },
    /// The row is a task that this person sees.
    SeenTask(Sight),
    /// The row, which is an executor, sits in a group of this person's, or in one that is asked at present about a task that the
    /// person sees.
    BesideExecutor(Sight),
    /// The row is a version of a live task that this person sees.
    VersionOfSeenTask(Sight),
    /// The row belongs to a live task that this person sees.
    OfSeenTask(Sight),
    /// The row, which is an open task, can't go on for this reason.
    HeldFor {
        /// The reason.
        reason: &'static str,
    },
    /// The row, which is an open task, was due before this moment.
    Overdue {
        /// The present moment.
        now: NaiveDateTime,
    },
    /// The row, which is a task, waits for a person.
    AwaitingMe(Awaiting),
    /// The row, which is a task, has a claim of this user.
    ClaimedBy {
        /// The user.
        user_id: Uuid,
        /// The present moment.
        now: NaiveDateTime,
    },
    /// The row, which is a task, has a vote of this user, or has none.
    DecidedBy {
        /// The user.
        user_id: Uuid,
        /// Whether there is to be one.
        has: bool,
    },
    /// The row, which is a version of a flow, is not superseded by another.
    LiveHead,
    /// A live executor of the row, which is a group, has the text in a name, ignoring case.
    HasExecutorNamed {
        /// The text.
        text: String,
    },
    /// The row, which is a user, has one of these roles.
    HasRole {
        /// Keys of roles.
        roles: Vec<i64>,
    },
    /// The row, which is a run of a function, has this tag.
    HasTag {
        /// The tag.
        tag: String,
    },
    /// The row, which is a role, grants this right.
    GrantsRight {
        /// The right's number.
        right: i64,
    },
    /// The row was touched by the mutation with this client id, among the mutations of the requester (or of anybody, for a
    /// superuser).
    TouchedBy {
        /// `clientMutationId`.
        client_mutation_id: String,
        /// The user whose mutation it is; none means anybody's.
        user_id: Option<Uuid>,
    },
}

/// Which tasks a person sees who does not see all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The person.
    pub user_id: Uuid,
    /// Whether those on which the person's groups decide: assigned to such a group or at a step of it, once accepted.
    pub executes: bool,
    /// Whether those that the person has made.
    pub makes: bool,
}

/// For whom tasks wait, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaiting {
    /// The person.
    pub user_id: Uuid,
    /// The present moment.
    pub now: NaiveDateTime,
    /// The rules of four eyes where neither step nor group has one.
    pub four_eyes: FourEyes,
    /// Whether only those that the person could claim.
    pub unclaimed: bool,
}

impl Awaiting {
    /// For this person, at this moment, before it is known which rules of four eyes are in force.
    #[must_use]
    pub fn new(user_id: Uuid, now: NaiveDateTime) -> Self {
        Self { user_id, now, four_eyes: FourEyes::default(), unclaimed: false }
    }
}

impl Condition {
    /// No row at all.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    /// `field` equals `value`.
    #[must_use]
    pub const fn equals(field: &'static str, value: Value) -> Self {
        Self::Field { field, lookup: Lookup::Exact, value }
    }

    /// Whether it says which value `wanted` has.
    #[must_use]
    pub fn is_equality(&self, wanted: &str) -> bool {
        matches!(self, Self::Field { field, lookup: Lookup::Exact, .. } if *field == wanted)
    }

    /// Whether it says whether something is so.
    #[must_use]
    pub const fn is_boolean(&self) -> bool {
        matches!(self, Self::Field { lookup: Lookup::Exact, value: Value::Bool(_), .. })
    }

    /// Whether it compares one of `fields`.
    #[must_use]
    pub fn names_any(&self, fields: &[&str]) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.names_any(fields)),
            Self::Not(part) => part.names_any(fields),
            Self::Field { field, .. } | Self::OneOf { field, .. } => fields.contains(field),
            _ => false,
        }
    }

    /// Whether it compares nothing but fields that are known.
    #[must_use]
    pub fn compares_only(&self, is_known: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any(parts) => parts.iter().all(|part| part.compares_only(is_known)),
            Self::Not(part) => part.compares_only(is_known),
            Self::Field { field, .. } | Self::OneOf { field, .. } => is_known(field),
            _ => false,
        }
    }

    /// Each word of `text` stands in one of `fields`, in any order, ignoring case.
    #[must_use]
    pub fn search_words(fields: &[&'static str], text: &str) -> Self {
        let lacks = |word: &str| Self::Not(Box::new(Self::search(fields, word)));
        Self::Not(Box::new(Self::Any(text.split_whitespace().map(lacks).collect())))
    }

    /// Any of `fields` holds `text`, ignoring case.
    #[must_use]
    pub fn search(fields: &[&'static str], text: &str) -> Self {
        Self::Any(
            fields
                .iter()
                .map(|field| Self::Field {
                    field,
                    lookup: Lookup::Icontains,
                    value: Value::Text(text.to_owned()),
                })
                .collect(),
        )
    }
}

/// The part of the rows that is wanted. The meaning is Relay's, with openIMIS' `offset`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The most rows from the beginning.
    pub first: Option<i64>,
    /// The most rows from the end.
    pub last: Option<i64>,
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// Only rows before this cursor.
    pub before: Option<String>,
    /// How many rows to leave out from the beginning.
    pub offset: Option<i64>,
}

/// Further facts that are wanted about the list; the first two cost a query each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many rows match altogether.
    pub total_count: bool,
    /// Whether there are rows on both sides of the page.
    pub neighbours: bool,
    /// Of which fields of the rows something is selected in turn, snake_case: some are rows of other tables.
    pub related: Vec<String>,
}

/// The query of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// The conditions, all of which must hold.
    pub conditions: Vec<Condition>,
    /// The order: paths, with `-` before a descending one. Ties are broken by key.
    pub order_by: Vec<String>,
    /// The page.
    pub page: Page,
    /// The further facts that are wanted.
    pub wanted: Wanted,
}

impl ListQuery {
    /// Puts the rules of four eyes that are in force into the conditions that need them.
    pub fn complete(&mut self, four_eyes: FourEyes) {
        for condition in &mut self.conditions {
            match condition {
                Condition::AwaitingMe(awaiting) => awaiting.four_eyes = four_eyes,
                Condition::Not(inner) => {
                    if let Condition::AwaitingMe(awaiting) = &mut **inner {
                        awaiting.four_eyes = four_eyes;
                    }
                }
                _ => {}
            }
        }
    }

    /// Leaves out versions in which the row is deleted, unless the list is of one row, or has a condition on deletion
    /// itself. Recorded traffic of the original does the same.
    pub fn leave_out_deleted_versions(&mut self) {
        let about = |name: &str| {
            self.conditions
                .iter()
                .any(|condition| matches!(condition, Condition::Field { field, .. } if *field == name))
        };
        if !about("id") && !about("history_id") && !about("is_deleted") {
            self.conditions.push(Condition::equals("is_deleted", Value::Bool(false)));
        }
    }
}
