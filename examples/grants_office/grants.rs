//! Grants under maker-checker: a grant is written in the transaction of its last approval.

use std::collections::HashMap;

use diesel::prelude::*;
use tasks_management::{Approved, CheckedService, DbConnection, EntityType, Json, NotOffered, Result};

use crate::office::{Grant, GrantInput};
use crate::tables::office_grant;

pub struct Grants;

impl EntityType for Grants {
    fn display(&self, connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        let these = office_grant::table.filter(office_grant::id.eq_any(ids));
        let named = these.select((office_grant::id, office_grant::purpose));
        Ok(named.load(connection.postgres()?)?.into_iter().collect())
    }
}

impl CheckedService for Grants {
    type Create = GrantInput;
    type Update = NotOffered;
    const NAME: &'static str = "GrantService";
    const ENTITY_TYPE: &'static str = "office.grant";

    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<Json>> {
        let grant = office_grant::table.find(id).first::<Grant>(connection.postgres()?).optional()?;
        Ok(grant.as_ref().map(Json::of))
    }

    fn create(&self, approved: &mut Approved<'_>, input: GrantInput) -> Result<()> {
        let grant = (office_grant::id.eq(approved.task.id.to_string()), input);
        diesel::insert_into(office_grant::table).values(grant).execute(approved.connection.postgres()?)?;
        Ok(())
    }
}
