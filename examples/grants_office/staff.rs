//! The people of the office. Their keys are numbers, and their roles are texts.

use diesel::prelude::*;
use tasks_management::{Account, DbConnection, People, Result, Rights, Wanted};

use crate::tables::staff;

pub struct Staff;

impl People for Staff {
    type Key = i32;

    fn find(&self, connection: &mut DbConnection, wanted: Wanted<i32>) -> Result<Vec<Account<i32>>> {
        let all =
            staff::table.select((staff::id, staff::username, staff::role)).order(staff::id).into_boxed();
        let these = match wanted {
            Wanted::Keys(keys) => all.filter(staff::id.eq_any(keys)),
            Wanted::Username(name) => all.filter(staff::username.eq(name)),
            Wanted::Page { after, limit } => all
                .filter(staff::id.gt(after.unwrap_or_default()))
                .limit(limit.try_into().unwrap_or(i64::MAX)),
        };
        let found: Vec<(i32, String, String)> = these.load(connection.postgres()?)?;
        Ok(found.into_iter().map(|(id, name, role)| Account::new(id, name, rights(&role))).collect())
    }
}

/// What people of this role may do, in openIMIS' numbers: propose and see all tasks, or see and decide their own.
fn rights(role: &str) -> Rights {
    match role {
        "officer" => Rights::of([191_002, 191_005]),
        "checker" | "director" => Rights::of([191_001, 191_003]),
        _ => Rights::default(),
    }
}
