//! The integration suite: the real router on real databases, every test on SQLite and on PostgreSQL.

mod contract;
mod contract_cases;
mod schema;
mod support;
