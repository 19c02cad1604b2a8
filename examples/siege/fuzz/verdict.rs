//! What every answer must be, whatever was asked.

use serde_json::{Map, Value};

use crate::http::Answer;

/// The codes that errors may have. INTERNAL is not among them, because no request may cause a fault of the server.
const CODES: &[&str] = &[
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "VALIDATION",
    "CONFLICT",
    "LIMIT",
    "PERSISTED_QUERY_NOT_SUPPORTED",
];

/// The outcome of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was answered with data and without errors.
    Answered,
    /// It was answered with data and with errors.
    Partly,
    /// It was refused.
    Refused,
}

/// The outcome of a request. The error says what is wrong with the answer.
pub fn judge(answer: &Answer) -> Result<Fate, String> {
    if answer.status >= 500 {
        return Err(format!("status {}", answer.status));
    }
    if answer.content_type.starts_with("multipart/mixed") {
        return judge_parts(&String::from_utf8_lossy(&answer.bytes));
    }
    if !answer.content_type.contains("json") {
        return Err(format!("the content type is {:?}", answer.content_type));
    }
    let body: Value = serde_json::from_slice(&answer.bytes).map_err(|error| format!("no JSON: {error}"))?;
    let results = match body {
        Value::Array(results) => results,
        single => vec![single],
    };
    let mut fate = Fate::Answered;
    for result in &results {
        let Value::Object(result) = result else { return Err(format!("no object but {result}")) };
        let one = judge_result(result)?;
        if one == Fate::Answered && answer.status != 200 {
            return Err(format!("data without errors and status {}", answer.status));
        }
        if one != Fate::Answered {
            fate = one;
        }
    }
    Ok(fate)
}

/// The outcome of a subscription, whose answers come in parts. The last one may not be whole.
fn judge_parts(body: &str) -> Result<Fate, String> {
    let mut fate = Fate::Answered;
    let parts = body.split("--graphql").filter_map(|part| part.split_once("\r\n\r\n"));
    for (_, part) in parts {
        let part = part.trim();
        let Ok(Value::Object(part)) = serde_json::from_str(part) else {
            if body.trim_end().ends_with(part) {
                break;
            }
            return Err(format!("a part that is no object: {part}"));
        };
        if let Some(payload) = part.get("payload") {
            let payload = payload.as_object().ok_or_else(|| format!("no object but {payload}"))?;
            let one = judge_result(payload)?;
            if one != Fate::Answered {
                fate = one;
            }
        }
    }
    Ok(fate)
}

fn judge_result(result: &Map<String, Value>) -> Result<Fate, String> {
    if let Some(key) = result.keys().find(|key| !["data", "errors", "extensions"].contains(&key.as_str())) {
        return Err(format!("an unknown key {key:?}"));
    }
    let data = result.get("data").filter(|data| !data.is_null());
    if data.is_some_and(|data| !data.is_object()) {
        return Err("data that is no object".to_owned());
    }
    let Some(errors) = result.get("errors") else {
        return data.map(|_| Fate::Answered).ok_or_else(|| "neither data nor errors".to_owned());
    };
    let errors = errors.as_array().filter(|errors| !errors.is_empty()).ok_or("errors that are no list")?;
    for error in errors {
        if error["message"].as_str().is_none_or(str::is_empty) {
            return Err(format!("an error without a message: {error}"));
        }
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        if !CODES.contains(&code) {
            return Err(format!("the code {code:?}: {error}"));
        }
        let path = error.get("path").map_or(Some(&[][..]), |path| path.as_array().map(Vec::as_slice));
        let path = path.ok_or_else(|| format!("a path that is no list: {error}"))?;
        if path.iter().any(|part| !part.is_string() && !part.is_u64()) {
            return Err(format!("a path of other things: {error}"));
        }
        // A failed field is null, or the data is missing.
        if let Some(data) = data
            && !path.is_empty()
            && !leads_to_null(data, path)
        {
            return Err(format!("a value where there is an error: {error}"));
        }
    }
    Ok(if data.is_some() { Fate::Partly } else { Fate::Refused })
}

fn leads_to_null(data: &Value, path: &[Value]) -> bool {
    let mut at = data;
    for part in path {
        at = match part {
            Value::String(name) => &at[name.as_str()],
            part => {
                part.as_u64().and_then(|place| at.get(usize::try_from(place).ok()?)).unwrap_or(&Value::Null)
            }
        };
        if at.is_null() {
            return true;
        }
    }
    false
}
