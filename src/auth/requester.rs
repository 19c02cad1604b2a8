//! The person on whose behalf something is done.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::domain::settings::ModuleSettings;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::user::User;

/// The person on whose behalf something is done, with rights as they were when the person was looked up. The services look
/// the person up again, so that a requester who is kept stops acting when the person is gone or has lost the right.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Requester {
    /// The person.
    pub user: User,
    /// What the person may do.
    pub rights: Rights,
    /// The session of the request; none for calls from Rust.
    pub session_id: Option<Uuid>,
    /// Whether a program asks, with a token of its own or as the account of a function.
    pub is_program: bool,
    looked_up: Instant,
}

impl Requester {
    /// The person who was looked up now.
    pub(crate) fn new(user: User, rights: Rights, session_id: Option<Uuid>) -> Self {
        Self { user, rights, session_id, is_program: false, looked_up: Instant::now() }
    }

    /// Whether the person was looked up so lately. The system user need not be.
    pub(crate) fn is_fresh(&self, within: Duration) -> bool {
        self.user.id == SYSTEM_USER || self.looked_up.elapsed() < within
    }

    /// The system user, who may do everything. No request from outside gets this requester.
    ///
    /// # Errors
    /// INTERNAL when the system user is not in the database.
    pub(crate) fn system(connection: &mut DbConnection) -> Result<Self> {
        let user = db::get::<User>(connection, SYSTEM_USER)?;
        let user =
            user.ok_or_else(|| Error::internal("there is no system user: the database is not migrated"))?;
        let rights = Rights { is_superuser: true, ..Rights::default() };
        Ok(Self::new(user, rights, None))
    }

    /// The person's key.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.user.record.id
    }

    /// Refuses unless the person has all of these rights.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub fn need(&self, rights: &[i32]) -> Result<()> {
        if self.rights.have(rights) { Ok(()) } else { Err(Error::forbidden(Message::new("no-right"))) }
    }

    /// Refuses programs, for what only people may do.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub fn refuse_token(&self) -> Result<()> {
        if self.is_program { Err(Error::forbidden(Message::new("by-token"))) } else { Ok(()) }
    }

    /// Whether the person is superuser or triage.
    #[must_use]
    pub fn is_privileged(&self, settings: &ModuleSettings) -> bool {
        self.rights.are_privileged(settings)
    }
}
