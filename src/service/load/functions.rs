//! Loading functions, their schedules and dispatchers, as mutations of the system user would make them.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::file::{File, LoadedFunction};
use super::{Loaded, in_row, make};
use crate::domain::webhook_endpoint::is_secret;
use crate::error::{Error, Result};
use crate::model::function_schedule::FunctionSchedule;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::function_sources::Syntax;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::{function_schedule, task_dispatcher, task_function};

/// What a runner says of the sources in a file, by the keys of their functions. That takes long, so it comes before the transaction.
pub(super) async fn look_at(
    services: &Arc<ServiceContext>,
    functions: &[LoadedFunction],
) -> Result<BTreeMap<Uuid, Syntax>> {
    let mut syntaxes = BTreeMap::new();
    for function in functions {
        if let Some(source) = &function.source {
            let syntax =
                services.sources.look_at(source).await.map_err(in_row("function", &function.name))?;
            syntaxes.insert(function.id, syntax);
        }
    }
    Ok(syntaxes)
}

/// Loads functions and their schedules.
pub(super) fn load(
    unit: &mut UnitOfWork<'_>,
    file: &File,
    syntaxes: &BTreeMap<Uuid, Syntax>,
    loaded: &mut Loaded,
) -> Result<()> {
    for row in &file.task_functions {
        let kinds = ["function", "functions"];
        make::<TaskFunction>(unit, loaded, kinds, (row.id, &row.name), |unit, record| {
            if row.secret.as_deref().is_some_and(|secret| !is_secret(secret)) {
                return Err(Error::internal("secret: it is whsec_ and 24 to 64 bytes in base64"));
            }
            let syntax = syntaxes.get(&row.id).unwrap_or(&Syntax::Unknown);
            task_function::add(unit, record, &row.input(), row.secret.as_deref(), syntax).map(drop)
        })?;
    }
    for row in &file.function_schedules {
        let kinds = ["function schedule", "function schedules"];
        make::<FunctionSchedule>(unit, loaded, kinds, (row.id, &row.id), |unit, record| {
            function_schedule::add(unit, record, &row.input()).map(drop)
        })?;
    }
    Ok(())
}

/// Loads dispatchers. They may name functions of the same file.
pub(super) fn load_dispatchers(unit: &mut UnitOfWork<'_>, file: &File, loaded: &mut Loaded) -> Result<()> {
    for row in &file.task_dispatchers {
        let kinds = ["dispatcher", "dispatchers"];
        make::<TaskDispatcher>(unit, loaded, kinds, (row.id, &row.name), |unit, record| {
            task_dispatcher::add(unit, record, &row.input()).map(drop)
        })?;
    }
    Ok(())
}
