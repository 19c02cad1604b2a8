//! Mails: to whom they go, what becomes of them, and which the module sends by itself.

use super::function_schedule::Rhythm;
use super::signal::Signal;
use super::text_enum::text_enum;
use crate::error::Result;

text_enum! {
    /// As whom somebody gets a mail. It is asked again when the mail is sent.
    pub enum MailRecipient {
        /// The people who have made the task.
        Maker = "MAKER",
        /// The people who are asked about the task and may decide.
        Pool = "POOL",
        /// Those of them whose vote is missing.
        Missing = "MISSING",
        /// Whoever has claimed the task.
        Claimant = "CLAIMANT",
        /// An address that stands in a dispatcher.
        Address = "ADDRESS",
        /// A person, whatever the task.
        Person = "PERSON",
    }
}

text_enum! {
    /// What has become of a mail.
    pub enum MailStatus {
        /// It is still to be sent, now or after a pause.
        Queued = "QUEUED",
        /// It waits for the digest of its reader.
        Waiting = "WAITING",
        /// It is given to the mail server. If that breaks off, it is sent again.
        Sending = "SENDING",
        /// The mail server has taken it.
        Sent = "SENT",
        /// It was not sent; `error` says why.
        Failed = "FAILED",
    }
}

impl MailStatus {
    /// Whether nothing more comes of the mail by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Failed)
    }
}

text_enum! {
    /// How often a person gets mails about tasks.
    pub enum MailFrequency {
        /// Each mail at once.
        AtOnce = "AT_ONCE",
        /// At the full hour, one mail that lists them.
        Hourly = "HOURLY",
        /// The same once a day.
        Daily = "DAILY",
        /// The same once a week, on Monday.
        Weekly = "WEEKLY",
    }
}

/// The hours at which a digest may be sent.
pub const MAIL_HOURS: std::ops::RangeInclusive<i32> = 0..=23;
/// The hour at which it is sent to people who have chosen none.
pub const MAIL_HOUR: i32 = 8;
/// The time zone of people who have chosen none.
pub const MAIL_TIME_ZONE: &str = "UTC";

impl MailFrequency {
    /// The moments of digests, by the clock on the wall of a time zone; none if each mail goes at once.
    ///
    /// # Errors
    /// VALIDATION for a time zone that is none.
    pub fn rhythm(self, hour: i32, zone: &str) -> Result<Option<Rhythm>> {
        let line = match self {
            // The time zone is checked, too.
            Self::AtOnce => return Rhythm::of_cron("0 0 * * *", zone).map(|_| None),
            Self::Hourly => "0 * * * *".to_owned(),
            Self::Daily => format!("0 {hour} * * *"),
            Self::Weekly => format!("0 {hour} * * 1"),
        };
        Rhythm::of_cron(&line, zone).map(Some)
    }
}

/// The template of mails to people who are asked about a task.
pub const AWAITS: &str = "task_awaits";
/// The template of mails to people who are asked about a task that is overdue.
pub const OVERDUE: &str = "task_overdue";
/// The template of mails to the makers of a task that is decided.
pub const DECIDED: &str = "task_decided";
/// The template of mails by which people set a new password.
pub const PASSWORD_RESET: &str = "password_reset";

/// The template of mails that list what has happened.
pub const DIGEST: &str = "digest";

/// What the delivery of a digest is about. No handler is told of it.
pub const DIGEST_SIGNAL: &str = "user_service.mail_digest";
/// What a delivery is about that sends a token for a new password. No handler is told of it.
pub const RESET_SIGNAL: &str = "user_service.reset_password";

/// The template and the recipients of what the module itself mails about an event.
#[must_use]
pub const fn built_in(signal: Signal) -> Option<(&'static str, MailRecipient)> {
    match signal {
        // A task that goes on to other people is updated.
        Signal::TaskCreate | Signal::TaskUpdate => Some((AWAITS, MailRecipient::Missing)),
        Signal::TaskOverdue => Some((OVERDUE, MailRecipient::Missing)),
        Signal::TaskComplete => Some((DECIDED, MailRecipient::Maker)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    #[test]
    fn digests_go_by_the_clock_on_the_wall() {
        let at = |text: &str| text.parse::<NaiveDateTime>().expect("a moment");
        let next = |frequency: MailFrequency, after: &str| {
            let rhythm = frequency.rhythm(8, "Europe/Berlin").expect("a zone");
            rhythm.map(|rhythm| rhythm.after(at(after)).expect("a moment"))
        };
        assert_eq!(next(MailFrequency::AtOnce, "2026-03-28T06:00:00"), None);
        // Clocks go forward on Sunday, 29 March 2026.
        for (frequency, after, expected) in [
            (MailFrequency::Hourly, "2026-03-28T06:00:00", "2026-03-28T07:00:00"),
            (MailFrequency::Daily, "2026-03-28T06:59:59", "2026-03-28T07:00:00"),
            (MailFrequency::Daily, "2026-03-28T07:00:00", "2026-03-29T06:00:00"),
            (MailFrequency::Weekly, "2026-03-28T07:00:00", "2026-03-30T06:00:00"),
        ] {
            assert_eq!(next(frequency, after), Some(at(expected)), "{frequency} {after}");
        }
        for frequency in MailFrequency::ALL {
            let refusal = frequency.rhythm(8, "Mars/Olympus").expect_err("no zone");
            assert_eq!(refusal.field(), Some("timeZone"), "{frequency}");
        }
    }
}
