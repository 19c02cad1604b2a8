//! What lists know of a table: its fields, where these are found, and the names by which lists are sorted.

use crate::db::entity::Stored;
use crate::db::sql::Sql;
use crate::domain::query::Condition;
use crate::domain::text::{camel_case, snake_case};
use crate::model::entity::{Archived, Column, Kind};

/// Where a field is found.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// A column of the table itself.
    Own(&'static str),
    /// A column of another table, in the row to whose `id` the column `fk` points.
    Related {
        /// The column that points to the row.
        fk: &'static str,
        /// The other table.
        table: &'static str,
        /// The column in the other table.
        column: &'static str,
    },
}

/// A field that lists can be filtered and sorted by.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its path in openIMIS' words, snake_case.
    pub path: &'static str,
    /// Where it is found.
    pub at: At,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether it may be absent.
    pub nullable: bool,
}

impl Field {
    /// The field of a column, with the column's own name.
    const fn of_column(column: &Column) -> Self {
        Self { path: column.name, at: At::Own(column.name), kind: column.kind, nullable: column.nullable }
    }

    /// A column of the table itself that is never absent.
    #[must_use]
    pub const fn own(path: &'static str, kind: Kind) -> Self {
        Self { path, at: At::Own(path), kind, nullable: false }
    }

    /// A column of a related row that is never absent if the row is there.
    #[must_use]
    pub const fn related(
        path: &'static str,
        kind: Kind,
        fk: &'static str,
        table: &'static str,
        column: &'static str,
    ) -> Self {
        Self { path, at: At::Related { fk, table, column }, kind, nullable: false }
    }

    /// The same field in another column of the table itself.
    #[must_use]
    pub const fn column(self, column: &'static str) -> Self {
        Self { at: At::Own(column), ..self }
    }

    /// The same field, but its value may be absent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// Where it is written how many rows there are of each kind: a table with some of the entity's columns, and with a column
/// `tally`. The sum of that over the rows of a kind is its number.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// The table.
    pub table: &'static str,
    /// The entity's columns that it has, under the same names; `is_deleted` must be among them.
    pub columns: &'static [&'static str],
}

/// An entity that can be listed. The entity's declaration makes its own columns fields of lists; this trait adds to them.
pub trait Listed: Stored {
    /// Columns that lists are neither filtered nor sorted by.
    const LEFT_OUT: &'static [&'static str] = &["json_ext"];
    /// Fields beside the entity's own columns.
    const FIELDS: &'static [Field] = &[];
    /// Other names for fields, by which lists can be sorted.
    const ORDER_ALIASES: &'static [(&'static str, &'static str)] = &[("uuid", "id")];
    /// A condition on columns of the table itself that every listed row must meet, besides not being deleted.
    const CONDITION: Option<&'static str> = None;
    /// Whether foreign keys guarantee that the rows exist to which its columns point.
    const FOREIGN_KEYS: bool = true;
    /// The column by which the journal's links name its rows.
    const TOUCHED_BY: Option<&'static str> = Some("id");
    /// Where it is written how many rows there are of each kind.
    const COUNTERS: Option<Counters> = None;
}

/// A table that can be listed.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key, by which ties are broken.
    pub key: Field,
    /// The fields.
    pub fields: Vec<Field>,
    /// Other names for fields, by which lists can be sorted.
    pub order_aliases: &'static [(&'static str, &'static str)],
    /// The order when none is asked for, as in `orderBy`.
    pub default_order: &'static [&'static str],
    /// A condition on columns of the table itself that every listed row must meet.
    pub always: Option<String>,
    /// Whether foreign keys guarantee that the rows exist to which its columns point. History may name rows that never were
    /// in this database.
    pub foreign_keys: bool,
    /// The name by which the journal's links call the table, and the column by which they name its rows.
    pub touched_as: Option<(&'static str, &'static str)>,
    /// The table that says how many rows there are of each kind, with the fields by which these differ.
    pub counters: Option<Box<Table>>,
}

impl Table {
    /// The table of an entity; deleted rows are not listed.
    #[must_use]
    pub fn of<T: Listed>() -> Self {
        let is_listed = |column: &&Column| !T::LEFT_OUT.contains(&column.name);
        let own = T::COLUMNS.iter().filter(is_listed).map(Field::of_column);
        let key = T::COLUMNS.iter().find(|column| column.name == T::KEY).map(Field::of_column);
        let fields: Vec<Field> = own.chain(T::FIELDS.iter().copied()).collect();
        let listing = |name: &'static str, fields: Vec<Field>| {
            let live = T::COLUMNS.iter().any(|column| column.name == "is_deleted");
            let live = live.then(|| format!("NOT {name}.is_deleted"));
            let always: Vec<String> = live.into_iter().chain(T::CONDITION.map(str::to_owned)).collect();
            Self {
                name,
                key: key.unwrap_or(Field::own(T::KEY, Kind::Uuid)),
                fields,
                order_aliases: T::ORDER_ALIASES,
                default_order: &[],
                always: (!always.is_empty()).then(|| always.join(" AND ")),
                foreign_keys: T::FOREIGN_KEYS,
                touched_as: T::TOUCHED_BY.map(|column| (T::NAME, column)),
                counters: None,
            }
        };
        let counters = T::COUNTERS.map(|Counters { table, columns }| {
            let is_counted = |field: &&Field| match field.at {
                At::Own(column) | At::Related { fk: column, .. } => columns.contains(&column),
            };
            Box::new(listing(table, fields.iter().filter(is_counted).copied().collect()))
        });
        Self { counters, ..listing(T::TABLE, fields) }
    }

    /// The historical twin of an entity's table; all versions are listed, the newest first.
    #[must_use]
    pub fn of_history<T: Listed + Archived>() -> Self {
        let mut table = Self::of::<T>();
        table.fields.extend([
            Field::own("history_date", Kind::DateTime),
            Field::own("history_type", Kind::Text),
            Field::own("history_user", Kind::Uuid).optional(),
        ]);
        Self {
            name: T::HISTORY_TABLE,
            key: Field::own("history_id", Kind::Int),
            default_order: &["-history_date"],
            always: None,
            foreign_keys: false,
            counters: None,
            ..table
        }
    }

    /// Whether a condition compares nothing but fields of this table.
    pub(super) fn has_all_of(&self, condition: &Condition) -> bool {
        condition.compares_only(&|path| self.fields.iter().any(|field| field.path == path))
    }

    /// A query that adds up, where this table holds counters, how many rows there are of the kinds that meet `filter`.
    pub(super) fn tally(&self, filter: Sql) -> Sql {
        Sql::new(format!("SELECT CAST(COALESCE(sum(tally), 0) AS bigint) FROM {} WHERE ", self.name))
            .append(filter)
    }

    /// The field that lists are sorted by under this name: its path in camelCase or snake_case, or an alias.
    pub(super) fn sorted_by(&self, name: &str) -> Option<&Field> {
        let path = snake_case(name);
        let path = self.order_aliases.iter().find(|(alias, _)| *alias == path).map_or(&*path, |(_, to)| to);
        std::iter::once(&self.key).chain(self.sortable()).find(|field| field.path == path)
    }

    /// The names that [`Self::sorted_by`] knows, in camelCase.
    pub(super) fn order_names(&self) -> Vec<String> {
        let mut names: Vec<&str> = self.sortable().map(|field| field.path).collect();
        names.extend(self.order_aliases.iter().map(|(alias, _)| *alias));
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(camel_case).collect()
    }

    /// The fields by which lists can be sorted: paths are at most one level deep. Deeper fields are personal data of the
    /// people of a row. An order by them would reveal them, and cursors would hold them.
    fn sortable(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.path.matches("__").count() < 2)
    }

    /// Whether this column of a row may be empty, or may point to a row that does not exist.
    pub(super) fn may_point_nowhere(&self, fk: &str) -> bool {
        let own = |field: &&Field| matches!(field.at, At::Own(column) if column == fk);
        !self.foreign_keys || self.fields.iter().find(own).is_none_or(|field| field.nullable)
    }
}
