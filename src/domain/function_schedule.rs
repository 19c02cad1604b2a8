//! The moments at which a schedule has its function run.

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::text::{check_code, check_text};
use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

text_enum! {
    /// What becomes of moments that have passed while no process served the timers.
    pub enum CatchUp {
        /// They are left out.
        Skip = "SKIP",
        /// One run stands for all of them.
        Once = "ONCE",
    }
}

/// After how long a moment counts as missed.
pub const LATE: TimeDelta = TimeDelta::minutes(5);
/// The shortest and the longest pause between two moments of a schedule by interval, in seconds.
pub const INTERVALS: std::ops::RangeInclusive<i32> = 60..=366 * 24 * 3_600;

const LONGEST_CRON: usize = 200;

/// Refuses a new line of cron that is no single line, or that the parser would read beyond what is documented: a word that stands for a
/// line, or a list with a gap, in which somebody has forgotten a number.
///
/// # Errors
/// VALIDATION.
pub fn check_cron(line: &str) -> Result<()> {
    const FIELD: &str = "cron";
    check_code(FIELD, line)?;
    if line.contains('@') {
        return Err(Error::validation(FIELD, Message::new("cron-word")));
    }
    match line.split_whitespace().find(|field| field.split(',').any(str::is_empty)) {
        Some(field) => Err(Error::validation(FIELD, Message::new("cron-gap").with("part", field))),
        None => Ok(()),
    }
}

/// The line as the parser reads it, if it can.
fn parsed(line: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    if line.is_ascii() { parser.parse(line).ok() } else { None }
}

/// What is wrong with a line: the first field that can't be read although it stands alone, or the line as a whole.
fn refusal(line: &str) -> Message {
    let refusals = [
        Message::new("cron-minute"),
        Message::new("cron-hour"),
        Message::new("cron-day"),
        Message::new("cron-month"),
        Message::new("cron-weekday"),
    ];
    let fields: Vec<&str> = line.split_whitespace().collect();
    let whole = Message::new("not-a-cron-line");
    if fields.len() != refusals.len() {
        return whole;
    }
    let is_wrong = |place: usize| {
        let alone = fields.iter().enumerate().map(|(at, field)| if at == place { field } else { "*" });
        parsed(&alone.collect::<Vec<_>>().join(" ")).is_none()
    };
    let mut wrong = refusals.into_iter().zip(&fields).enumerate().filter(|(place, _)| is_wrong(*place));
    wrong.next().map_or(whole, |(_, (refusal, part))| refusal.with("part", *part))
}

/// The rhythm of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rhythm {
    /// Always after so many seconds, counted from a moment.
    Interval {
        /// The first moment, naive UTC.
        first: NaiveDateTime,
        /// The seconds.
        seconds: i64,
    },
    /// By the clock on the wall of a time zone.
    Cron {
        /// The lines' five fields.
        cron: Box<Cron>,
        /// The time zone.
        zone: Tz,
    },
}

impl Rhythm {
    /// The rhythm of a line of five fields, in a time zone of the IANA database.
    ///
    /// # Errors
    /// VALIDATION, naming the field.
    pub fn of_cron(line: &str, zone: &str) -> Result<Self> {
        check_text("cron", line, LONGEST_CRON)?;
        let cron = parsed(line).ok_or_else(|| Error::validation("cron", refusal(line)))?;
        let unknown = |_| Error::validation("timeZone", Message::new("unknown-time-zone"));
        Ok(Self::Cron { cron: Box::new(cron), zone: Tz::from_str(zone).map_err(unknown)? })
    }

    /// The first moment after this one; none if there is none any more.
    #[must_use]
    pub fn after(&self, moment: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::Interval { first, seconds } => {
                if moment < *first {
                    return Some(*first);
                }
                let passed = (moment - *first).num_seconds() / seconds;
                first.checked_add_signed(TimeDelta::try_seconds((passed + 1).checked_mul(*seconds)?)?)
            }
            Self::Cron { cron, zone } => {
                let next = cron.find_next_occurrence(&zoned(*zone, moment), false).ok()?;
                Some(next.naive_utc())
            }
        }
    }

    /// The last moment that is not after this one; none if there was none.
    #[must_use]
    pub fn until(&self, moment: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::Interval { first, seconds } => {
                let passed = (moment >= *first).then(|| (moment - *first).num_seconds() / seconds)?;
                first.checked_add_signed(TimeDelta::try_seconds(passed * seconds)?)
            }
            Self::Cron { cron, zone } => {
                let last = cron.find_previous_occurrence(&zoned(*zone, moment), true).ok()?;
                Some(last.naive_utc())
            }
        }
    }
}

fn zoned(zone: Tz, moment: NaiveDateTime) -> DateTime<Tz> {
    zone.from_utc_datetime(&moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().expect("a moment")
    }

    /// The moments after this one, as many as there are, five at most.
    fn moments(line: &str, zone: &str, after: &str) -> Vec<String> {
        let rhythm = Rhythm::of_cron(line, zone).expect("a line");
        std::iter::successors(rhythm.after(at(after)), |moment| rhythm.after(*moment))
            .take(3)
            .map(|moment| moment.format("%m-%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_line_of_cron_that_cant_be_read_is_refused_by_the_field_that_is_wrong() {
        for (line, key, part) in [
            ("61 * * * *", "cron-minute", Some("61")),
            ("0 8-30 * * *", "cron-hour", Some("8-30")),
            ("0 0 0 * *", "cron-day", Some("0")),
            ("0 0 1 Januar *", "cron-month", Some("Januar")),
            ("0 0 * * DIM", "cron-weekday", Some("DIM")),
            ("٣ * * * *", "cron-minute", Some("٣")),
            ("* * * *", "not-a-cron-line", None),
            ("0 0 * * * *", "not-a-cron-line", None),
        ] {
            let refused = Rhythm::of_cron(line, "UTC").expect_err(line);
            assert_eq!((refused.field(), refused.message().key()), (Some("cron"), key), "{line:?}");
            let text = refused.message().text("fr");
            assert!(part.is_none_or(|part| text.contains(&format!("`{part}`"))), "{line:?}: {text}");
        }
    }

    #[test]
    fn an_interval_counts_from_its_first_moment() {
        let rhythm = Rhythm::Interval { first: at("2026-01-01T00:00:30"), seconds: 60 };
        for (now, next, last) in [
            ("2025-12-31T00:00:00", "2026-01-01T00:00:30", None),
            ("2026-01-01T00:00:30", "2026-01-01T00:01:30", Some("2026-01-01T00:00:30")),
            ("2026-01-01T00:02:29", "2026-01-01T00:02:30", Some("2026-01-01T00:01:30")),
        ] {
            assert_eq!(rhythm.after(at(now)), Some(at(next)), "{now}");
            assert_eq!(rhythm.until(at(now)), last.map(at), "{now}");
        }
    }

    #[test]
    fn a_line_goes_by_the_clock_on_the_wall_also_when_that_is_changed() {
        // Clocks go forward on 29 March 2026 at 1:00 UTC, and back on 25 October.
        let daily = |after: &str| moments("30 2 * * *", "Europe/Berlin", after);
        assert_eq!(daily("2026-03-27T12:00:00"), ["03-28 01:30", "03-29 01:00", "03-30 00:30"]);
        assert_eq!(daily("2026-10-23T12:00:00"), ["10-24 00:30", "10-25 00:30", "10-26 01:30"]);
        // What goes by the hour has the hour that comes twice twice, and not the one that is missing.
        let hourly = |after: &str| moments("0 * * * *", "Europe/Berlin", after);
        assert_eq!(hourly("2026-03-29T00:30:00"), ["03-29 01:00", "03-29 02:00", "03-29 03:00"]);
        assert_eq!(hourly("2026-10-24T23:30:00"), ["10-25 00:00", "10-25 01:00", "10-25 02:00"]);
        assert_eq!(
            moments("0 9 * * 1-5", "UTC", "2026-01-02T09:00:00"),
            ["01-05 09:00", "01-06 09:00", "01-07 09:00"]
        );
    }

    #[test]
    fn a_day_that_never_comes_has_no_moment_and_nonsense_is_refused() {
        assert_eq!(moments("0 0 30 2 *", "UTC", "2026-01-01T00:00:00"), Vec::<String>::new());
        assert_eq!(
            moments("0 0 29 2 *", "UTC", "2096-03-01T00:00:00").first().map(String::as_str),
            Some("02-29 00:00")
        );
        for line in [
            "",
            "*",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "a b c d e",
            "0 0 0 * * *",
            "0 0 * * * * 2026",
        ] {
            let refusal =
                Rhythm::of_cron(line, "UTC").err().and_then(|error| error.field().map(str::to_owned));
            assert_eq!(refusal.as_deref(), Some("cron"), "{line:?}");
        }
        for (line, key) in [
            ("@daily", "cron-word"),
            ("@Midnight", "cron-word"),
            ("0 0 @weekly", "cron-word"),
            ("0 1,2,,3 * * *", "cron-gap"),
            (",1 * * * *", "cron-gap"),
            ("0 0 * * 1,", "cron-gap"),
            ("0 0 , * *", "cron-gap"),
        ] {
            let refusal = check_cron(line).expect_err(line);
            assert_eq!((refusal.field(), refusal.message().key()), (Some("cron"), key), "{line:?}");
        }
        for line in ["0 0 * * *", "0,30 1-5 1,15 JAN,FEB MON-FRI", "*/5 * L * 5#2"] {
            assert!(check_cron(line).is_ok() && Rhythm::of_cron(line, "UTC").is_ok(), "{line:?}");
        }
        for zone in ["", "Mars/Olympus", "europe/berlin", "UTC+1 "] {
            let refusal =
                Rhythm::of_cron("* * * * *", zone).err().and_then(|error| error.field().map(str::to_owned));
            assert_eq!(refusal.as_deref(), Some("timeZone"), "{zone:?}");
        }
    }
}
