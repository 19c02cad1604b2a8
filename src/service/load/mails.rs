//! Loading templates of mails, as mutations of the system user would make them.

use super::file::File;
use super::{Loaded, make};
use crate::error::Result;
use crate::model::task_template::TaskTemplate;
use crate::service::task_template;
use crate::service::unit_of_work::UnitOfWork;

/// Loads templates of mails.
pub(super) fn load(unit: &mut UnitOfWork<'_>, file: &File, loaded: &mut Loaded) -> Result<()> {
    for row in &file.task_templates {
        let kinds = ["mail template", "mail templates"];
        make::<TaskTemplate>(unit, loaded, kinds, (row.id, &row.name), |unit, record| {
            task_template::add(unit, record, &row.input()).map(drop)
        })?;
    }
    Ok(())
}
