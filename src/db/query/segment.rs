//! PageQuery of a list, read in one query.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use crate::db::connection::DbConnection;
use crate::db::sql::Sql;
use crate::error::Result;

/// Rows that stand together in a list.
pub struct Segment {
    /// The table, joined with the rows that hold what it is sorted by.
    pub from: String,
    /// Which rows, of those that the list is asked for.
    pub beyond: Sql,
    /// What they are sorted by.
    pub order: Sql,
}

impl Segment {
    /// The rows that are also `matching`, as a condition on the table alone.
    pub fn filter(&self, matching: &Sql) -> Sql {
        matching.clone().sql(" AND (").append(self.beyond.clone()).sql(")")
    }

    /// A query of these rows.
    pub fn select(&self, columns: &str, matching: &Sql, limit: i64, offset: i64) -> Sql {
        Sql::new(format!("SELECT {columns} FROM {} WHERE ", self.from))
            .append(self.filter(matching))
            .sql(" ORDER BY ")
            .append(self.order.clone())
            .sql(" LIMIT ")
            .bind(limit)
            .sql(" OFFSET ")
            .bind(offset)
    }

    /// Whether there is any such row. It is looked for in the list's order, as that has the index.
    pub fn has_rows(&self, connection: &mut DbConnection, matching: &Sql) -> Result<bool> {
        let query =
            Sql::new("SELECT count(*) FROM (").append(self.select("1", matching, 1, 0)).sql(") AS neighbour");
        Ok(query.typed::<BigInt>().get_result::<i64>(connection)? > 0)
    }
}
