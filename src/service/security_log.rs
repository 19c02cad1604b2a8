//! The security log: entries are written where something happens, in its transaction, and read by people with the right.

use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::identity::refuse_hosts;
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::query::PageLimit;
use crate::domain::query::{Condition, ListQuery, Lookup, Page, Value};
use crate::domain::security_log::SecurityEvent;
use crate::error::Result;
use crate::message::shorten;
use crate::model::security_log::SecurityEntry;
use crate::model::slice::Slice;

/// Notes what the requester has done to somebody or something.
pub(super) fn note(
    unit: &mut UnitOfWork<'_>,
    kind: SecurityEvent,
    subject_id: Option<Uuid>,
    detail: Option<&str>,
) -> Result<()> {
    let by = Some(unit.requester.id());
    write(unit.connection, unit.now, kind, by, subject_id, (None, detail))
}

/// Notes what somebody has done: `by` and to whom; from which address, and what more there is to say.
pub(super) fn write(
    connection: &mut DbConnection,
    date: NaiveDateTime,
    kind: SecurityEvent,
    by: Option<Uuid>,
    subject_id: Option<Uuid>,
    (address, detail): (Option<String>, Option<&str>),
) -> Result<()> {
    let detail = detail.map(|detail| shorten(&detail.replace('\0', "")));
    db::insert(
        connection,
        &SecurityEntry { id: new_id(), date, kind, user_id: by, subject_id, address, detail },
    )
}

/// Lists the entries, for people with the right.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<SecurityEntry>> {
    refuse_hosts(services)?;
    services
        .list(requester, query, ListScope::Root, visibility::security_log, db::list::<SecurityEntry>)
        .await
}

/// A part of the entries since a moment, the oldest first, for an operator; `after` is the cursor of the part before.
///
/// # Errors
/// What the database says.
pub async fn part_for_operator(
    services: &Arc<ServiceContext>,
    since: Option<NaiveDateTime>,
    after: Option<String>,
) -> Result<Slice<SecurityEntry>> {
    const PART: i64 = 1_000;
    let since = since.map(|moment| Condition::Field {
        field: "date",
        lookup: Lookup::Gte,
        value: Value::DateTime(moment),
    });
    let query = ListQuery {
        conditions: since.into_iter().collect(),
        order_by: vec!["date".to_owned()],
        page: Page { first: Some(PART), after, ..Page::default() },
        ..ListQuery::default()
    };
    services
        .read(move |_, connection| db::list::<SecurityEntry>(connection, &query, PageLimit { max: PART }))
        .await
}
