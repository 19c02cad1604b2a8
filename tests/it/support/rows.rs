//! What is in the database, read past the module.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};

use super::{Backend, TestApp};

/// Tables in which a refused request leaves nothing.
const TABLES: &[&str] = &[
    "core_user",
    "core_historicaluser",
    "core_role",
    "core_historicalrole",
    "core_roleright",
    "core_historicalroleright",
    "core_userrole",
    "core_historicaluserrole",
    "core_mutationlog",
    "task_management_taskgroup",
    "task_management_historicaltaskgroup",
    "task_management_tasksource",
    "task_management_taskexecutor",
    "task_management_historicaltaskexecutor",
    "task_management_taskflow",
    "task_management_historicaltaskflow",
    "task_management_taskflowstep",
    "task_management_historicaltaskflowstep",
    "task_management_task",
    "task_management_historicaltask",
    "task_management_taskpool",
    "task_management_taskdecision",
    "task_management_historicaltaskdecision",
    "task_management_taskclaim",
    "task_management_taskcomment",
    "task_management_historicaltaskcomment",
    "task_management_taskfunction",
    "task_management_historicaltaskfunction",
    "task_management_functionsecret",
    "task_management_functionrun",
    "task_management_functionschedule",
    "task_management_historicalfunctionschedule",
    "task_management_taskdispatcher",
    "task_management_historicaltaskdispatcher",
    "task_management_taskmutation",
    "task_management_outbox",
];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Planned {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// A transaction of somebody else's that has written a task, so that nobody else can until it ends.
#[expect(dead_code, reason = "they are held, not looked at")]
pub enum HeldTask {
    /// The row is locked.
    Postgres(PgConnection),
    /// The whole database is locked for writers.
    Sqlite(SqliteConnection),
}

impl HeldTask {
    /// Undoes it.
    pub fn release(self) {
        drop(self);
    }
}

impl TestApp {
    /// Keeps others from writing a task.
    pub fn hold_task(&self, id: &str) -> HeldTask {
        let sql = format!("BEGIN; UPDATE task_management_task SET source = 'held' WHERE id = '{id}'");
        match self.backend {
            Backend::Postgres => {
                let mut connection = self.postgres();
                connection.batch_execute(&sql).expect("the task is there");
                HeldTask::Postgres(connection)
            }
            Backend::Sqlite => {
                let mut connection = self.database().sqlite();
                connection.batch_execute(&sql).expect("the task is there");
                HeldTask::Sqlite(connection)
            }
        }
    }

    /// The number that the query gives as `value`.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows::<Number>(sql).remove(0).value
    }

    /// The text that the query gives as `value`.
    pub fn text(&self, sql: &str) -> String {
        self.rows::<Line>(sql).remove(0).value
    }

    /// How many rows each table has in which a refused request leaves nothing. It is one statement, as every refusal asks for it.
    pub fn row_counts(&self) -> Vec<(&'static str, i64)> {
        let counts = TABLES
            .iter()
            .enumerate()
            .map(|(place, table)| format!("SELECT {place} AS place, count(*) AS value FROM {table}"));
        let counts = counts.collect::<Vec<_>>().join(" UNION ALL ");
        let counts = self.rows::<Number>(&format!("SELECT value FROM ({counts}) AS counts ORDER BY place"));
        TABLES.iter().copied().zip(counts.into_iter().map(|count| count.value)).collect()
    }

    /// How the database would execute a statement whose values are not known yet, a line for each part.
    pub fn plan(&self, statement: &str) -> Vec<String> {
        match self.backend {
            Backend::Sqlite => {
                let query = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"));
                let rows: Vec<Detail> =
                    query.load(&mut self.database().sqlite()).expect("the statement is right");
                rows.into_iter().map(|row| row.detail).collect()
            }
            Backend::Postgres => {
                let places = (1..1_000).take_while(|place| statement.contains(&format!("${place}"))).count();
                let values = vec!["NULL"; places].join(", ");
                let mut connection = self.postgres();
                let prepare =
                    format!("SET plan_cache_mode = force_generic_plan; PREPARE planned AS {statement}");
                connection.batch_execute(&prepare).expect("the statement is right");
                let query = diesel::sql_query(format!("EXPLAIN EXECUTE planned ({values})"));
                let rows: Vec<Planned> = query.load(&mut connection).expect("it has a plan");
                rows.into_iter().map(|row| row.line).collect()
            }
        }
    }

    /// Changes rows.
    pub fn run(&self, sql: &str) {
        self.try_run(sql).expect("the statement is right");
    }

    /// Changes rows, or is refused by the database.
    pub fn try_run(&self, sql: &str) -> diesel::QueryResult<usize> {
        self.database().try_execute(sql)
    }

    fn rows<T>(&self, sql: &str) -> Vec<T>
    where
        T: QueryableByName<diesel::pg::Pg> + QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        self.database().load(sql).expect("the query is right")
    }

    fn postgres(&self) -> PgConnection {
        PgConnection::establish(self.database_url()).expect("the test server answers")
    }
}
