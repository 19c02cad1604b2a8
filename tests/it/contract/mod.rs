//! Replays recorded traffic against the router, so that clients of the original keep working.
//!
//! `tests/contract/cases.jsonl` holds one case a line; the server must start from `fixture.json` on an empty
//! database. Cases play in file order and leave their traces for the cases after them.

mod answer;
mod bindings;
mod case;
mod journal;
mod matcher;
mod player;
mod session;

use std::collections::BTreeSet;
use std::fmt;

use axum::Router;

pub use case::Case;
use player::Player;

const CASES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/cases.jsonl"));

/// A case whose answer differs from the expected one, and in what.
#[derive(Debug)]
pub struct Failure {
    /// The case's name.
    pub name: String,
    /// One difference each, then what helps to read them.
    pub lines: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.name)?;
        self.lines.iter().try_for_each(|line| write!(out, "\n    {line}"))
    }
}

/// All recorded cases, in the order in which they play.
pub fn cases() -> Vec<Case> {
    parse(CASES)
}

/// Plays the cases in order against one server and returns those that fail.
pub async fn replay(router: Router, cases: &[Case]) -> Vec<Failure> {
    let mut player = Player::new(router);
    let mut broken_chains = BTreeSet::new();
    let mut failures = Vec::new();
    for case in cases {
        let mut lines = player.run(case).await.unwrap_or_else(|stop| vec![stop]);
        if lines.is_empty() {
            continue;
        }
        lines.extend(hints(case, &broken_chains));
        broken_chains.extend(case.chain.as_deref());
        failures.push(Failure { name: case.name.clone(), lines });
    }
    failures
}

fn parse(lines: &str) -> Vec<Case> {
    let parse_line = |(index, line)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("case in line {}: {error}", index + 1))
    };
    lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse_line).collect()
}

fn hints(case: &Case, broken_chains: &BTreeSet<&str>) -> Vec<String> {
    let mut hints = Vec::new();
    if !case.note.is_empty() {
        hints.push(format!("note: {}", case.note));
    }
    if case.setup {
        hints.push("note: it only prepares the cases after it".to_owned());
    }
    if let Some(chain) = case.chain.as_deref().filter(|chain| broken_chains.contains(chain)) {
        hints.push(format!("note: a case before it in chain {chain} fails already"));
    }
    hints
}

mod tests {
    use axum::routing::post;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_recorded_case_is_understood() {
        let cases = cases();
        assert!(cases.len() > 200, "only {} cases", cases.len());
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len(), "two cases of one name");
    }

    #[tokio::test]
    async fn only_cases_whose_answer_differs_fail() {
        let router =
            Router::new().route("/api/graphql", post(|| async { axum::Json(json!({"data": {"task": 1}})) }));
        let case = |name: &str, want: i64| {
            json!({
                "name": name, "as_user": null, "mode": "exact", "note": "why", "chain": "c",
                "request": {"query": "{ task }"}, "expect": {"status": 200, "data": {"task": want}},
            })
            .to_string()
        };
        let lines = [case("right", 1), case("wrong", 2), case("after", 3)].join("\n");

        let failures = replay(router, &parse(&lines)).await;

        let seen: Vec<Value> = failures.iter().map(|failure| json!([failure.name, failure.lines])).collect();
        let broken = "note: a case before it in chain c fails already";
        assert_eq!(
            seen,
            [
                json!(["wrong", ["task: want 2, got 1", "note: why"]]),
                json!(["after", ["task: want 3, got 1", "note: why", broken]]),
            ]
        );
    }
}
