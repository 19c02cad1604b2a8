//! How our types stand in columns, on every database that has the columns' types.

use std::ops::{Deref, DerefMut};

use diesel::Queryable;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::sql_types::{Integer, Jsonb, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bound::Bound;
use crate::domain::claim::{ClaimEnd, ClaimMode};
use crate::domain::completion_policy::CompletionPolicy;
use crate::domain::configuration::Layer;
use crate::domain::decision::HeldReason;
use crate::domain::function_run::{RunErrorType, RunStatus, RunTrigger};
use crate::domain::function_schedule::CatchUp;
use crate::domain::history::HistoryType;
use crate::domain::json::Json;
use crate::domain::mail::{MailFrequency, MailRecipient, MailStatus};
use crate::domain::mutation_log::MutationStatus;
use crate::domain::outbox::DeliveryStatus;
use crate::domain::security_log::SecurityEvent;
use crate::domain::task::TaskStatus;
use crate::domain::task_function::{FunctionKind, PermissionMode};
use crate::domain::timer::TimerKind;
use crate::domain::verdict::Verdict;

/// Stores enums as their texts or numbers. Constraints of the database check the values, so an unknown value is a fault of
/// the database.
macro_rules! stored_as {
    ($sql:ty: |$raw:ident: $read:ty| $parsed:expr, $write:ident -> $written:ty: $($type:ty),+) => {
        $(
            impl<DB: Backend> FromSql<$sql, DB> for $type
            where
                $read: FromSql<$sql, DB>,
            {
                fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    let $raw = <$read>::from_sql(value)?;
                    Self::parse($parsed)
                        .ok_or_else(|| format!("the database holds the {} {}", stringify!($type), $raw).into())
                }
            }

            impl<DB: Backend> Queryable<$sql, DB> for $type
            where
                Self: FromSql<$sql, DB>,
            {
                type Row = Self;

                fn build(row: Self) -> deserialize::Result<Self> {
                    Ok(row)
                }
            }

            impl AsExpression<$sql> for $type {
                type Expression = <$written as AsExpression<$sql>>::Expression;

                fn as_expression(self) -> Self::Expression {
                    <$written as AsExpression<$sql>>::as_expression(self.$write())
                }
            }

            impl From<&$type> for Bound {
                fn from(value: &$type) -> Self {
                    value.$write().into()
                }
            }

            impl From<$type> for Bound {
                fn from(value: $type) -> Self {
                    value.$write().into()
                }
            }
        )+
    };
}
stored_as!(
    Text: |text: String| &text, as_str -> &'static str:
    CatchUp, ClaimEnd, ClaimMode, CompletionPolicy, DeliveryStatus, FunctionKind, HeldReason, HistoryType, Layer, MailFrequency,
    MailRecipient, MailStatus, PermissionMode, RunErrorType, RunStatus, RunTrigger, SecurityEvent, TaskStatus, TimerKind, Verdict
);
stored_as!(Integer: |number: i32| number, as_i32 -> i32: MutationStatus);

impl<DB> Queryable<Jsonb, DB> for Json
where
    DB: Backend,
    Self: FromSql<Jsonb, DB>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

/// A value that is stored as JSON in its column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsJson<T>(pub T);

impl<T> Deref for AsJson<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for AsJson<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T, DB> FromSql<Jsonb, DB> for AsJson<T>
where
    T: DeserializeOwned,
    DB: Backend,
    Json: FromSql<Jsonb, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let value = Json::from_sql(value)?;
        // An invalid value is not quoted, because it may be secret.
        value.read().map(Self).map_err(|_| "the JSON has another form than it must".into())
    }
}

impl<T, DB> Queryable<Jsonb, DB> for AsJson<T>
where
    DB: Backend,
    Self: FromSql<Jsonb, DB>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl<T: Serialize> From<&AsJson<T>> for Bound {
    fn from(value: &AsJson<T>) -> Self {
        // Lists of texts and of structs of texts can always be written.
        Self::Json(Json::of(&value.0))
    }
}
