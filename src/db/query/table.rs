//! What lists know of a table: its fields, where they are found, and under which names they are sorted by.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A key.
    Uuid,
    /// A number.
    Int,
    /// A truth value.
    Bool,
    /// A moment.
    DateTime,
    /// JSON; can be sorted by (as text), not filtered by.
    Json,
}

/// Where a field is found.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// A column of the table itself.
    Own(&'static str),
    /// A column of the row of another table whose `id` stands in the column `fk`.
    Related {
        /// The column that points there.
        fk: &'static str,
        /// The other table.
        table: &'static str,
        /// The column there.
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
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent.
    pub nullable: bool,
}

impl Field {
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

    /// The same, but found under another column name of the table itself.
    #[must_use]
    pub const fn column(self, column: &'static str) -> Self {
        Self { at: At::Own(column), ..self }
    }

    /// The same, but it may be absent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// A table that can be listed.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key, by which ties are broken.
    pub key: Field,
    /// The fields.
    pub fields: &'static [Field],
    /// Other names under which fields can be sorted by.
    pub order_aliases: &'static [(&'static str, &'static str)],
    /// The order when none is asked for, as in `orderBy`.
    pub default_order: &'static [&'static str],
    /// A condition that every listed row meets, on columns of the table itself.
    pub always: Option<&'static str>,
    /// Whether the database vouches that what its columns point to is there. History also tells of rows that never were
    /// here.
    pub foreign_keys: bool,
    /// How rows are named in the links from the journal, and by which column.
    pub touched_as: Option<(&'static str, &'static str)>,
}

impl Table {
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

    /// The fields that lists are sorted by: paths go one level deep. Beyond lies what is personal about the people of a
    /// row, which an order would tell, and its cursors would hold.
    fn sortable(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.path.matches("__").count() < 2)
    }

    /// Whether a row can lack what is found through this column: it points nowhere, or nothing is there.
    pub(super) fn may_point_nowhere(&self, fk: &str) -> bool {
        let own = |field: &&Field| matches!(field.at, At::Own(column) if column == fk);
        !self.foreign_keys || self.fields.iter().find(own).is_none_or(|field| field.nullable)
    }
}

/// The fields of a table and those that its historical twin has beside them; `N` is their number.
#[must_use]
pub const fn with_history_fields<const N: usize>(fields: &[Field]) -> [Field; N] {
    let mut all = [Field::own("history_date", Kind::DateTime); N];
    let mut i = 0;
    while i < fields.len() {
        all[i] = fields[i];
        i += 1;
    }
    all[i + 1] = Field::own("history_type", Kind::Text);
    all[i + 2] = Field::own("history_user", Kind::Uuid).optional();
    all
}

fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

fn camel_case(path: &str) -> String {
    let part = |part: &str| {
        let mut words = part.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut all, word| {
            let mut letters = word.chars();
            all.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            all.push_str(letters.as_str());
            all
        })
    };
    path.split("__").map(part).collect::<Vec<_>>().join("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_camel_case_and_in_snake_case() {
        for name in ["userCreated__username", "user_created__username"] {
            assert_eq!(snake_case(name), "user_created__username");
        }
        assert_eq!(camel_case("user_created__username"), "userCreated__username");
        assert_eq!(camel_case("i_user__last_name"), "iUser__lastName");
    }
}
