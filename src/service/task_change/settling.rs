//! Up to which key the log of changes is settled: no transaction is under way any more that may have taken an earlier one.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::db::task_change::{Writer, Written};

/// How many looks at the log are kept whose writers have not ended.
const MOST: usize = 64;

/// What is known from looks at the log.
#[derive(Default)]
pub struct Settling {
    settled: Option<i64>,
    /// Looks whose writers have not all ended, the earliest first.
    marks: VecDeque<Mark>,
}

/// A look at the log: up to `last` it is settled once these writers have ended.
struct Mark {
    last: i64,
    writers: Vec<Writer>,
    since: Instant,
}

impl Settling {
    /// Adds a look; returns up to which key the log is settled, if that is known yet.
    pub fn note(&mut self, written: &Written, now: Instant) -> Option<i64> {
        let present: HashSet<&str> = written.writers.iter().map(|writer| writer.name.as_str()).collect();
        for mark in &mut self.marks {
            mark.writers.retain(|writer| present.contains(writer.name.as_str()));
        }
        // A later look may be settled before an earlier one has been, and covers it.
        while let Some(place) = self.marks.iter().position(|mark| mark.writers.is_empty()) {
            self.settled = self.settled.max(Some(self.marks[place].last));
            self.marks.drain(..=place);
        }
        if written.writers.is_empty() {
            self.settled = self.settled.max(Some(written.last));
        } else if self.marks.back().is_none_or(|mark| mark.last < written.last) {
            let mark = Mark { last: written.last, writers: written.writers.clone(), since: now };
            self.marks.truncate(MOST - 1);
            self.marks.push_back(mark);
        }
        self.marks.retain(|mark| Some(mark.last) > self.settled);
        self.settled
    }

    /// How long changes have waited for writers, and for which processes of the database.
    pub fn waits(&self, now: Instant) -> Option<(Duration, Vec<i32>)> {
        let oldest = self.marks.front()?;
        let processes = oldest.writers.iter().filter_map(|writer| writer.pid).collect();
        Some((now.duration_since(oldest.since), processes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(last: i64, writers: &[&str]) -> Written {
        let writer = |name: &&str| Writer { name: (*name).to_owned(), pid: Some(7) };
        Written { last, writers: writers.iter().map(writer).collect() }
    }

    #[test]
    fn a_key_is_settled_when_all_have_ended_that_were_writing_when_it_was_the_last() {
        let (mut settling, now) = (Settling::default(), Instant::now());
        assert_eq!(settling.note(&written(5, &["a"]), now), None);
        assert_eq!(settling.note(&written(6, &["a", "b"]), now), None, "a may still have taken 5");
        assert_eq!(settling.note(&written(8, &["b", "c"]), now), Some(5));
        assert_eq!(settling.waits(now + Duration::from_secs(3)), Some((Duration::from_secs(3), vec![7])));
        assert_eq!(settling.note(&written(9, &["c"]), now), Some(6));
        assert_eq!(settling.note(&written(9, &[]), now), Some(9));
        assert_eq!(settling.waits(now), None);
        assert_eq!(settling.note(&written(9, &["d"]), now), Some(9), "who writes later takes later keys");
    }

    #[test]
    fn a_writer_that_does_not_end_makes_no_list_without_end() {
        let (mut settling, now) = (Settling::default(), Instant::now());
        for last in 1..1_000 {
            assert_eq!(settling.note(&written(last, &["stuck"]), now), None);
        }
        assert!(settling.marks.len() <= MOST);
        assert_eq!(settling.note(&written(1_000, &["other"]), now), Some(999));
    }
}
