//! What a list is asked for: conditions, order and page, in the words of the interface, not of a database.

use chrono::NaiveDateTime;
use uuid::Uuid;

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
    /// A truth value.
    Bool(bool),
    /// A moment, naive UTC.
    DateTime(NaiveDateTime),
}

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds; none of them, when the list is empty.
    Any(Vec<Condition>),
    /// A field compares so. Fields are named by openIMIS' paths, such as `task_group__code`.
    Field {
        /// The path of the field.
        field: &'static str,
        /// How it is compared.
        lookup: Lookup,
        /// With what.
        value: Value,
    },
    /// A field equals one of these values. However many they are, the condition is not nested.
    OneOf {
        /// Its path in openIMIS' words, snake_case.
        field: &'static str,
        /// The values.
        values: Vec<Value>,
    },
    /// This does not hold.
    Not(Box<Condition>),
    /// The row's group is live and this user sits in it.
    ExecutorOfGroup {
        /// The path of the field that holds the group's key.
        group_field: &'static str,
        /// The user.
        user_id: Uuid,
    },
    /// The row, which is a task, is decided by this user's groups: it is given to one of them, or at a step of one.
    ExecutorOfTask {
        /// The user.
        user_id: Uuid,
    },
    /// The row, which is an executor, sits in a group of this user's, or in one that is asked at present about a task that this
    /// user may see as an executor.
    BesideExecutor {
        /// The user.
        user_id: Uuid,
    },
    /// The row is a version of a live task that this user may see as an executor.
    VersionOfSeenTask {
        /// The user.
        user_id: Uuid,
    },
    /// The row is a vote on a live task that this user may see as an executor.
    OfSeenTask {
        /// The user.
        user_id: Uuid,
    },
    /// The row, which is a version of a flow, is not superseded by another.
    LiveHead,
    /// A live executor of the row, which is a group, is called so: the text is in a name, ignoring case.
    HasExecutorNamed {
        /// What is searched for.
        text: String,
    },
    /// The row, which is a user, has one of these roles.
    HasRole {
        /// Keys of roles.
        roles: Vec<i64>,
    },
    /// The row, which is a role, grants this right.
    GrantsRight {
        /// The right's number.
        right: i64,
    },
    /// The row was touched by the mutation with this client id, among those of the asking user (or of anybody,
    /// for a superuser).
    TouchedBy {
        /// `clientMutationId`.
        client_mutation_id: String,
        /// Whose mutation; none means anybody's.
        user_id: Option<Uuid>,
    },
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

    /// Whether a comparison in it is of one of `fields`.
    #[must_use]
    pub fn names_any(&self, fields: &[&str]) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.names_any(fields)),
            Self::Not(part) => part.names_any(fields),
            Self::Field { field, .. } | Self::OneOf { field, .. } => fields.contains(field),
            _ => false,
        }
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

/// Which part of the rows is wanted. The meaning is Relay's, with openIMIS' `offset`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many from the beginning.
    pub first: Option<i64>,
    /// At most so many from the end.
    pub last: Option<i64>,
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// Only rows before this cursor.
    pub before: Option<String>,
    /// Leave out so many from the beginning.
    pub offset: Option<i64>,
}

/// What else is to be found out about the list; each costs a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many rows match altogether.
    pub total_count: bool,
    /// Whether there are rows on both sides of the page.
    pub neighbours: bool,
}

/// What a list is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// Which rows; all of these hold.
    pub conditions: Vec<Condition>,
    /// In which order: paths, `-` before a descending one; ties are broken by key.
    pub order_by: Vec<String>,
    /// Which part.
    pub page: Page,
    /// What else to find out.
    pub wanted: Wanted,
}

impl ListQuery {
    /// Leaves out versions in which the row is deleted, unless the list is of one row, all of whose versions are
    /// wanted, or says itself which are wanted. Recorded traffic of the original shows no others either.
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

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice<T> {
    /// The rows, each with its cursor.
    pub rows: Vec<(T, String)>,
    /// How many rows match altogether, if that was asked.
    pub total_count: Option<i64>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows come before, if neighbours were asked for.
    pub has_previous: bool,
}
