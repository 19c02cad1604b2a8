//! Casting votes with comments and steps, and reading the texts of refusals.

use serde_json::{Value, json};

use super::app::TestApp;
use super::client::Client;
use super::scenario::user_id;

/// The result of a mutation: `ok`, or the code, a blank and the text of the journal's error.
pub type Verdict = String;

impl Client {
    /// Runs a mutation; returns `ok`, or the code and the text of the journal's error.
    pub async fn tried(&mut self, name: &str, input: Value) -> Verdict {
        let (status, error) = self.mutate(name, input).await;
        if status == 2 {
            return "ok".to_owned();
        }
        let part = |name: &str| error[0][name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", part("code"), part("message"))
    }
}

impl TestApp {
    /// Casts somebody's vote with a comment, or for one step.
    pub async fn vote_with(&self, username: &str, task: &str, value: Value, more: Value) -> Verdict {
        let mut input =
            json!({ "id": task, "businessStatus": json!({ user_id(username): value }).to_string() });
        for (name, said) in more.as_object().into_iter().flatten() {
            input[name] = said.clone();
        }
        self.user(username).await.tried("resolveTask", input).await
    }

    /// Changes what a task proposes.
    pub async fn propose(&self, username: &str, task: &str, data: Value) -> Verdict {
        let input = json!({ "id": task, "data": data.to_string() });
        self.user(username).await.tried("updateTask", input).await
    }

    /// Weighs the votes on a task again.
    pub async fn weigh_again(&self, task: &str) -> Verdict {
        self.user("triage").await.tried("reEvaluateTask", json!({ "id": task })).await
    }

    /// Adds somebody who may create, change and see all tasks, and who is not privileged.
    pub async fn add_maker(&self) {
        self.load(json!({
            "roles": [{ "id": 50, "name": "Maker", "rights": [191_001, 191_002, 191_003, 191_005] }],
            "users": [{
                "id": user_id("maker"), "username": "maker", "password": "maker123", "lastName": "Make",
                "interactiveUserId": 50, "roles": ["Maker"],
            }],
        }))
        .await;
    }
}
