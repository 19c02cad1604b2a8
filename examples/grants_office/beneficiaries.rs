//! Accounts of beneficiaries under maker-checker: they are changed after the decision, and tried again until that is done.

use std::collections::HashMap;

use diesel::prelude::*;
use tasks_management::{
    Approved, CheckedService, DbConnection, EntityType, Error, Json, Message, NotOffered, Requester, Result,
};

use crate::office::{AccountInput, Beneficiary};
use crate::tables::beneficiary;

pub struct Beneficiaries;

impl EntityType for Beneficiaries {
    fn display(&self, connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        let these = beneficiary::table.filter(beneficiary::id.eq_any(ids));
        let named = these.select((beneficiary::id, beneficiary::name));
        Ok(named.load(connection.postgres()?)?.into_iter().collect())
    }
}

impl CheckedService for Beneficiaries {
    type Create = NotOffered;
    type Update = AccountInput;
    const NAME: &'static str = "BeneficiaryService";
    const ENTITY_TYPE: &'static str = "office.beneficiary";

    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<Json>> {
        let row = beneficiary::table.find(id).first::<Beneficiary>(connection.postgres()?).optional()?;
        Ok(row.as_ref().map(Json::of))
    }

    fn validate_update(
        &self,
        _: &mut DbConnection,
        _: &Requester,
        _: &str,
        input: &AccountInput,
    ) -> Result<()> {
        let refusal =
            || Error::validation("account", Message::words("An account begins with its country, as GH-100."));
        if input.account.contains('-') { Ok(()) } else { Err(refusal()) }
    }

    /// What is done outside this database, such as telling the bank, may be repeated: send `approved.event_id` along.
    fn update(&self, approved: &mut Approved<'_>, id: &str, input: AccountInput) -> Result<()> {
        let row = diesel::update(beneficiary::table.find(id)).set(beneficiary::account.eq(input.account));
        row.execute(approved.connection.postgres()?)?;
        Ok(())
    }
}
