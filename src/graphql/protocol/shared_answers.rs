//! What many who listen are told alike: an answer to an event in which no resolver has asked who asks, or for more than the event tells,
//! is the same for everybody who has asked the same. So one execution serves all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_graphql::{Value, Variables};
use sha2::{Digest as _, Sha256};

use crate::domain::task_change::ChangeSignal;

/// How many answers are kept, and how large each may be, in rough bytes: those who listen are told of an event at nearly the same moment.
const MOST: usize = 1_024;
const LARGEST: usize = 4_096;

/// An event that is told to several: its place in the log, and what is told of it.
pub type EventKey = (i64, ChangeSignal);

/// What a subscription asks: its text and its variables, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question([u8; 32]);

impl Question {
    /// The question of a request.
    #[must_use]
    pub fn of(query: &str, operation: Option<&str>, variables: &Variables) -> Option<Self> {
        let variables = serde_json::to_vec(variables).ok()?;
        let mut digest = Sha256::new();
        for part in [query.as_bytes(), operation.unwrap_or_default().as_bytes(), &variables] {
            digest.update(u64::try_from(part.len()).ok()?.to_be_bytes());
            digest.update(part);
        }
        Some(Self(digest.finalize().into()))
    }
}

/// The answers to the latest events.
#[derive(Default)]
pub struct SharedAnswers(Mutex<HashMap<(Question, EventKey), Value>>);

impl SharedAnswers {
    /// The answer that somebody else got.
    pub fn get(&self, question: Question, event: EventKey) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(question, event)).cloned()
    }

    /// Keeps an answer for others, unless it is large.
    pub fn keep(&self, question: Question, event: EventKey, answer: &Value) {
        if size(answer) > LARGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert((question, event), answer.clone());
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(values) => values.iter().map(size).sum::<usize>() + 24,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value) + 24).sum(),
        Value::String(text) => text.len(),
        Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Binary(_) | Value::Enum(_) => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(query: &str, variables: serde_json::Value) -> Question {
        Question::of(query, None, &Variables::from_json(variables)).expect("it can be written")
    }

    #[test]
    fn an_answer_is_shared_by_those_who_ask_the_same_of_the_same_event_and_a_large_one_by_nobody() {
        let answers = SharedAnswers::default();
        let (one, other) =
            (question("{a}", serde_json::json!({})), question("{a}", serde_json::json!({ "a": 1 })));
        let event = (7, ChangeSignal::Created);
        answers.keep(one, event, &Value::from("short"));
        assert_eq!(answers.get(one, event), Some(Value::from("short")));
        for (question, event) in
            [(other, event), (one, (8, ChangeSignal::Created)), (one, (7, ChangeSignal::Gone))]
        {
            assert_eq!(answers.get(question, event), None);
        }
        answers.keep(other, event, &Value::from("x".repeat(LARGEST + 1)));
        assert_eq!(answers.get(other, event), None);
        for cursor in 0..5_000 {
            answers.keep(one, (cursor, ChangeSignal::Changed), &Value::Null);
        }
        assert!(answers.0.lock().expect("it was never poisoned").len() <= MOST);
    }
}
