//! The integration suite: the real router on real databases, every test on SQLite and on PostgreSQL.

#![allow(
    clippy::assigning_clones,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    clippy::semicolon_if_nothing_returned,
    clippy::similar_names,
    clippy::type_complexity,
    reason = "tests are read for what they say, not for how fast they are"
)]

mod allowed_actions;
mod answered_errors;
mod api_tokens;
mod bad_documents;
mod bad_flows;
mod bad_input;
mod budgets;
mod carry_over;
mod cli;
mod cli_people;
mod clocks;
mod columns;
mod comments;
mod concurrency;
mod configuration;
mod connections;
mod contract;
mod contract_cases;
mod contradictions;
mod database_files;
mod defects;
mod deliveries;
mod desk;
mod embedded_host;
mod embedding;
mod entities;
mod exact_json;
mod executor_lists;
mod executors;
mod faults;
mod flow_races;
mod four_eyes;
mod front_end;
mod function_decisions;
mod function_receivers;
mod function_runs;
mod function_schedules;
mod functions;
mod fuzz;
mod grants_office;
mod history;
mod host_clients;
mod host_errors;
mod host_pools;
mod host_reads;
mod host_schemas;
mod host_users;
mod hostile_texts;
mod javascript;
mod javascript_attacks;
mod journal;
mod kill;
mod layering;
mod leases;
mod logs;
mod mail_templates;
mod mails;
mod maker_checker;
mod makers;
mod many;
mod migrations;
mod next_release;
mod next_task;
mod outages;
mod packaging;
mod paging;
mod password_mails;
mod passwords;
mod people;
mod policies;
mod progress;
mod query_limits;
mod quotas;
mod races;
mod re_evaluation;
mod readiness;
mod rights_table;
mod rules_dates;
mod rules_flow;
mod rules_flow_binding;
mod rules_flow_parallel;
mod rules_flow_queries;
mod rules_flow_records;
mod rules_flow_retiring;
mod rules_flow_versions;
mod rules_priority;
mod rules_resolve;
mod rules_task;
mod rules_task_group;
mod rules_timers;
mod schema;
mod schema_levels;
mod sealing;
mod security_log;
mod seen;
mod selections;
mod sessions;
mod shutdown;
mod siege;
mod signals;
mod signals_flow;
mod sockets;
mod stale_votes;
mod statements;
mod support;
mod task_audience;
mod task_changes;
mod task_claims;
mod task_comments;
mod task_counts;
mod task_races;
mod text_search;
mod tokens;
mod transport;
mod triage;
mod unknown_checkers;
mod users;
mod validation;
mod visibility;
mod vote_statements;
mod webhook_deliveries;
mod webhook_endpoints;
mod websockets;
mod what_rows_tell;
mod withdrawals;
