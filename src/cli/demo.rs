//! What the demo asks of a database before it fills it.

use uuid::Uuid;

use super::{migrate_by, say};
use crate::app::TaskManagement;
use crate::db;
use crate::db::migration;

/// Migrates the database of a demo: one that nobody uses, or one that a demo has filled before, which this task of its samples shows. Its
/// people's passwords are known to everybody, so it adds them to no other.
///
/// # Errors
/// A sentence that says why the database is none for a demo.
pub async fn prepare_demo(module: &TaskManagement, sample: Uuid) -> Result<(), String> {
    // It is not even migrated then.
    let is_anothers = module.database().read(move |connection| {
        Ok(migration::has_tables(connection)?
            && db::user::has_people_or_roles(connection)?
            && !db::task::is_there(connection, sample)?)
    });
    if is_anothers.await.map_err(say)? {
        return Err("there are people or roles in this database, and no demo has made it: everybody knows the passwords of those whom the demo \
                    would add; name an empty database by --database-url, or leave that out"
            .to_owned());
    }
    migrate_by(module).await.map(drop)
}
