//! How often people get mails about tasks, in GraphQL.

use async_graphql::{Enum, InputObject};

use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::payload::MutationMeta;
use crate::model::user::User;
use crate::service::user::ChangeMailFrequency;

/// How often a person gets mails about tasks.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::mail::MailFrequency")]
pub enum MailFrequency {
    /// Each mail at once.
    AtOnce,
    /// At the full hour, one mail that lists them.
    Hourly,
    /// The same once a day.
    Daily,
    /// The same once a week, on Monday.
    Weekly,
}

shows! {
    /// How often a user gets mails about tasks.
    #[graphql(name = "UserMailFrequencyGQLType")]
    pub struct UserMailFrequency of user: User {
        frequency: MailFrequency = user.mail_frequency.into(),
        /// The hour at which digests are sent, if they are not sent each hour.
        hour: i32 = user.mail_hour,
        /// The time zone of that hour.
        time_zone: String = user.mail_time_zone.clone(),
    }
}

/// How often one gets mails about tasks. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct ChangeMailFrequencyMutationInput {
    #[graphql(flatten)]
    pub meta: MutationMeta,
    frequency: MailFrequency,
    /// The hour at which digests are sent, if they are not sent each hour: 0 to 23, at first 8.
    hour: Option<i32>,
    /// The time zone of that hour: a name of the IANA database, at first UTC.
    time_zone: Option<String>,
}

impl From<ChangeMailFrequencyMutationInput> for ChangeMailFrequency {
    fn from(input: ChangeMailFrequencyMutationInput) -> Self {
        let ChangeMailFrequencyMutationInput { frequency, hour, time_zone, .. } = input;
        Self { frequency: frequency.into(), hour, time_zone }
    }
}
