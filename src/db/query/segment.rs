//! A segment of a list, which one query reads.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use crate::db::connection::DbConnection;
use crate::db::sql::Sql;
use crate::error::Result;

/// A run of consecutive rows of a list.
pub struct Segment {
    /// The table, joined with the tables that hold its sort keys.
    pub from: String,
    /// The condition that picks the rows from those of the list.
    pub beyond: Sql,
    /// The text after `ORDER BY`.
    pub order: Sql,
}

impl Segment {
    /// The condition, on the table alone, that a row is of the segment and also meets `matching`.
    pub fn filter(&self, matching: &Sql) -> Sql {
        matching.clone().sql(" AND (").append(self.beyond.clone()).sql(")")
    }

    /// A query of the rows that also meet `matching`.
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

    /// Whether any row also meets `matching`. The query is in the list's order, because that has the index.
    pub fn has_rows(&self, connection: &mut DbConnection, matching: &Sql) -> Result<bool> {
        let query =
            Sql::new("SELECT count(*) FROM (").append(self.select("1", matching, 1, 0)).sql(") AS neighbour");
        Ok(query.typed::<BigInt>().get_result::<i64>(connection)? > 0)
    }
}
