//! Grants under maker-checker: a grant is written in the transaction of its last approval.

use std::collections::HashMap;

use diesel::prelude::*;
use tasks_management::{Approved, CheckedService, DbConnection, Json, NotOffered, Result};

use crate::office::{Grant, GrantInput};
use crate::tables::office_grant as grant;

pub struct Grants;

/// What these grants are called in tasks.
pub fn names(connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
    let named = grant::table.filter(grant::id.eq_any(ids)).select((grant::id, grant::purpose));
    Ok(named.load(connection.postgres()?)?.into_iter().collect())
}

impl CheckedService for Grants {
    type Create = GrantInput;
    type Update = NotOffered;
    const NAME: &'static str = "GrantService";
    const ENTITY_TYPE: &'static str = "office.grant";

    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<Json>> {
        let found = grant::table.find(id).first::<Grant>(connection.postgres()?).optional()?;
        Ok(found.as_ref().map(Json::of))
    }

    fn create(&self, approved: &mut Approved<'_>, input: GrantInput) -> Result<()> {
        let row = (grant::id.eq(approved.task.id.to_string()), input);
        diesel::insert_into(grant::table).values(row).execute(approved.connection.postgres()?)?;
        Ok(())
    }
}
