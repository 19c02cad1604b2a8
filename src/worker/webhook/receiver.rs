//! Executing a function by its receiver: a signed POST, in the form of Standard Webhooks, whose answer is the result.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::SecondsFormat;

use super::{Webhooks, signed};
use crate::domain::function_run::reason::{BAD_RESULT, NOT_BEGUN, UNREACHABLE};
use crate::domain::function_run::{RunError, RunErrorType};
use crate::domain::json::{Json, json};
use crate::domain::webhook_url::check_url;
use crate::error::Result;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;
use crate::service::function_run::preparation::Errand;
use crate::service::task_function::secrets::signing_secrets;
use crate::worker::webhook_client::Bounds;

/// The `type` of the message.
const TYPE: &str = "task_function.run";

impl Webhooks {
    /// Has the receiver of a function carry out an errand; what it answers is the result.
    ///
    /// # Errors
    /// Why there is no result: `unreachable`, `http` and the status, or an error that the receiver names.
    pub async fn execute(
        &self,
        services: &Arc<ServiceContext>,
        function: &TaskFunction,
        errand: &Errand,
        environment: BTreeMap<String, String>,
    ) -> Result<Json, RunError> {
        let not_begun = |message: &str| RunError::new(RunErrorType::Invocation, NOT_BEGUN, message);
        let url = function.url.as_deref().unwrap_or_default();
        // Settings may have become stricter since the function was made.
        let url = check_url("url", url, services.webhooks.reach())
            .map_err(|error| not_begun(&error.to_string()))?;
        let now = services.clock.now();
        let mut data = errand.told(function);
        if let Some(data) = data.as_object_mut() {
            data.insert("environmentVariables".to_owned(), Json::of(&environment));
        }
        let timestamp = now.and_utc().to_rfc3339_opts(SecondsFormat::Micros, true);
        let body = json!({ "type": TYPE, "timestamp": timestamp, "data": data }).to_string();
        let id = function.id;
        let secrets = services.read(move |services, connection| signing_secrets(services, connection, id));
        let headers = secrets.await.and_then(|secrets| signed(&secrets, &errand.id.to_string(), now, &body));
        let headers = headers.map_err(|error| {
            error.log();
            not_begun("the message can't be made; the cause is in the log")
        })?;
        let most = errand.result_bytes;
        let bounds = Bounds { timeout: errand.patience(), bytes: most + 1 };
        let (status, body) = match self.client.ask(url, headers, body, bounds).await {
            Ok(reply) if reply.is_whole || !(200..300).contains(&reply.status) => (reply.status, reply.body),
            Ok(_) => {
                let message = format!("the answer is longer than {most} bytes, or broke off");
                return Err(RunError::new(RunErrorType::Response, BAD_RESULT, &message));
            }
            Err(reason) => return Err(RunError::new(RunErrorType::Invocation, UNREACHABLE, &reason)),
        };
        let text = String::from_utf8_lossy(&body);
        if (200..300).contains(&status) { result(&text) } else { Err(failure(status, &text)) }
    }
}

/// What a receiver answers: JSON, or nothing at all, which is null.
fn result(text: &str) -> Result<Json, RunError> {
    if text.trim().is_empty() {
        return Ok(Json::Null);
    }
    Json::parse(text).map_err(|_| {
        RunError::new(RunErrorType::Response, BAD_RESULT, "the answer is not JSON, which it must be or empty")
    })
}

/// Why a receiver did not do it. It may say so by `{"name": …, "message": …}`.
fn failure(status: u16, text: &str) -> RunError {
    let said = Json::parse(text).unwrap_or_default();
    let of = |key: &str| said.get(key).and_then(Json::as_str);
    let usual = format!("http{status}");
    let excerpt: String = text.chars().take(300).collect();
    let message = of("message").map_or_else(|| format!("HTTP {status}: {excerpt}"), str::to_owned);
    RunError::new(RunErrorType::Runtime, of("name").unwrap_or(&usual), &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_names_its_errors_or_the_status_does() {
        let plain = failure(503, "busy");
        assert_eq!((plain.name.as_str(), plain.message.as_str()), ("http503", "HTTP 503: busy"));
        let said = failure(422, r#"{"name": "noAccount", "message": "There is no such account."}"#);
        assert_eq!((said.name.as_str(), said.message.as_str()), ("noAccount", "There is no such account."));
    }

    #[test]
    fn an_answer_is_json_or_nothing() {
        assert_eq!(result(" "), Ok(Json::Null));
        assert_eq!(result("{\"a\": 1}").map(|json| json.to_string()).as_deref(), Ok("{\"a\":1}"));
        assert_eq!(result("<html>").map_err(|error| error.name), Err(BAD_RESULT.to_owned()));
    }
}
