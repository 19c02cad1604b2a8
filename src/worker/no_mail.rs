//! Mails where the feature `mail` is missing: none is sent.

use std::sync::Arc;

use super::outbox::settlement::Attempted;
use crate::config::MailSettings;
use crate::domain::mail::MailStatus;
use crate::error::{Error, Result};
use crate::model::outbox::Delivery;
use crate::service::ServiceContext;
use crate::service::task_mail::{self, LeftOut};

/// Takes the place of what sends mails.
pub struct Mails;

impl Mails {
    /// Refuses a mail server, to which nothing would be sent.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting.
    pub fn new(settings: &MailSettings) -> Result<Self> {
        if settings.host.is_empty() {
            return Ok(Self);
        }
        Err(Error::unavailable(
            "mail.host is set, but this program was built without the feature `mail`: leave the setting out",
        ))
    }

    /// No attempt is made.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn attempt(
        &self,
        _: &Arc<ServiceContext>,
        delivery: &Delivery,
    ) -> Result<(Attempted, task_mail::Attempted)> {
        let (id, status) = (delivery.entity_id, MailStatus::Queued);
        Ok((Attempted::Withheld, task_mail::Attempted { id, status, error: None, left_out: LeftOut::new() }))
    }
}
