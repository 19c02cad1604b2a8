//! The integration suite: the real router on real databases, every test on SQLite and on PostgreSQL.

mod bad_documents;
mod bad_input;
mod cli;
mod concurrency;
mod contract;
mod contract;
mod contract_cases;
mod contract_cases;
mod defects;
mod history;
mod hostile_texts;
mod layering;
mod migrations;
mod paging;
mod races;
mod rights_table;
mod rules_resolve;
mod rules_task;
mod rules_task_group;
mod schema;
mod signals;
mod support;
mod text_search;
mod visibility;
