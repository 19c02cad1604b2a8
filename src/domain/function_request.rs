//! Requests that functions answer: what a function is told of one, and what it may answer.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::function_run::reason::BAD_RESULT;
use super::function_run::{RUN_BYTES, RunError, RunErrorType};
use super::json::{Json, Object, json};

/// How many bytes the body of an answer may have.
pub const ANSWER_BYTES: usize = 6 * 1024 * 1024;
/// How many bytes an answer may have in JSON, with its headers. A text of quotation marks alone takes twice its size there.
pub const RESULT_BYTES: usize = 2 * ANSWER_BYTES + RUN_BYTES;
/// How many characters of a path are kept.
pub const LONGEST_PATH: usize = 2_000;
/// How many characters of a method are kept.
pub const LONGEST_METHOD: usize = 40;

/// How many headers an answer may have.
const MOST_HEADERS: usize = 64;
/// How many bytes their names and values are together, at most.
const HEADER_BYTES: usize = 16 * 1024;

/// What speaks of the connection alone, and goes on neither way.
const OF_CONNECTION: &[&str] =
    &["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"];
/// By what callers are known to this server. A function is told who calls, and could act as the caller if it had these.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "cookie2", "x-csrftoken"];
/// What a function does not say: what the server says itself, what has a browser go or load elsewhere, what has a proxy before the server
/// send a file of its own, and what holds for more than the one answer, because the desk has the same origin. It asks for no passwords either: a browser would do so in the server's name.
const NOT_SAID: &[&str] = &[
    "accept-ch",
    "activate-storage-access",
    "alt-svc",
    "attribution-reporting-register-source",
    "clear-site-data",
    "content-length",
    "content-security-policy",
    "content-security-policy-report-only",
    "date",
    "expect-ct",
    "link",
    "nel",
    "observe-browsing-topics",
    "public-key-pins",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "sec-session-registration",
    "secure-session-registration",
    "server",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "set-login",
    "speculation-rules",
    "strict-transport-security",
    "use-as-dictionary",
    "www-authenticate",
    "x-accel-buffering",
    "x-accel-charset",
    "x-accel-expires",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
    "x-sendfile",
];
/// Who may call from foreign pages is the server's to say (`http.cors_origins`).
const OF_FOREIGN_PAGES: &str = "access-control-";

/// A request, as a function is told of it.
#[derive(Debug)]
pub struct Told<'a> {
    /// The method.
    pub method: &'a str,
    /// The path behind the function's name, as it was sent.
    pub path: &'a str,
    /// The query, as it was sent.
    pub query: &'a str,
    /// The headers, with names in lower case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// Who calls; null for a stranger.
    pub caller: Json,
}

impl Told<'_> {
    /// The input of the function.
    #[must_use]
    pub fn input(&self) -> Json {
        let (body, is_base64) = text(self.body);
        let mut input = json!({
            "method": self.method,
            "path": self.path,
            "rawQuery": self.query,
            "query": parameters(self.query),
            "isBase64Encoded": is_base64,
        });
        if let Some(input) = input.as_object_mut() {
            input.insert("headers".to_owned(), Json::Object(headers(self.headers)));
            input.insert("caller".to_owned(), self.caller.clone());
            input.insert("body".to_owned(), body);
        }
        input
    }
}

/// A body as a text, and whether that is base64: a body that is no text, or has characters that would take six times their size.
fn text(body: &[u8]) -> (Json, bool) {
    let is_plain = |text: &str| !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'));
    match std::str::from_utf8(body) {
        Ok("") => (Json::Null, false),
        Ok(text) if is_plain(text) => (Json::String(text.to_owned()), false),
        _ => (Json::String(STANDARD.encode(body)), true),
    }
}

/// The headers that a function is told of. Lines of one name are joined.
fn headers(lines: &[(String, String)]) -> Object {
    let named: Vec<String> = lines
        .iter()
        .filter(|(name, _)| name == "connection")
        .flat_map(|(_, value)| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let mut told = Object::new();
    for (name, value) in lines {
        let is_hidden =
            CREDENTIALS.contains(&name.as_str()) || is_of_connection(name) || named.contains(name);
        if is_hidden {
            continue;
        }
        let joined = match told.get(name).and_then(Json::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.clone(),
        };
        told.insert(name.clone(), Json::String(joined));
    }
    told
}

fn is_of_connection(name: &str) -> bool {
    OF_CONNECTION.contains(&name) || name.starts_with("proxy-")
}

/// The parameters of a query: the values of each name, in their order.
fn parameters(query: &str) -> Object {
    let mut all = Object::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = all.entry(decoded(name)).or_insert_with(|| Json::Array(Vec::new()));
        if let Json::Array(values) = values {
            values.push(Json::String(decoded(value)));
        }
    }
    all
}

/// A part of a query in plain text. What is no UTF-8 is replaced.
fn decoded(part: &str) -> String {
    let mut bytes = part.as_bytes().iter();
    let mut plain = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next().copied() {
        let rest = bytes.as_slice();
        let escaped =
            rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).filter(|_| byte == b'%');
        let escaped = escaped.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                bytes.nth(1);
            }
            None => plain.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// What a function answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, from 200 to 499.
    pub status: u16,
    /// The headers: names in lower case, and values that can be sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body is a text.
    pub is_text: bool,
}

impl Answer {
    /// Reads what a function answers: `{statusCode, headers, body, isBase64Encoded}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(result: &Json) -> Result<Self, RunError> {
        if !result.is_object() {
            return Err(wrong("an object is needed: {statusCode, headers, body, isBase64Encoded}"));
        }
        let status = result["statusCode"].as_i64().filter(|status| (200..=499).contains(status));
        let status = status.and_then(|status| u16::try_from(status).ok());
        let status = status.ok_or_else(|| wrong("statusCode must be a whole number from 200 to 499"))?;
        let is_text = match &result["isBase64Encoded"] {
            Json::Null => true,
            given => !given.as_bool().ok_or_else(|| wrong("isBase64Encoded must be true or false"))?,
        };
        let body = match &result["body"] {
            Json::Null => Vec::new(),
            Json::String(text) if is_text => text.clone().into_bytes(),
            Json::String(text) => {
                STANDARD.decode(text).map_err(|_| wrong("body is no base64, as isBase64Encoded says"))?
            }
            _ => return Err(wrong("body must be a text")),
        };
        if body.len() > ANSWER_BYTES {
            return Err(wrong(&format!("body has more than {ANSWER_BYTES} bytes")));
        }
        // These have none.
        let body = if matches!(status, 204 | 205 | 304) { Vec::new() } else { body };
        Ok(Self { status, headers: said(&result["headers"])?, body, is_text })
    }
}

/// The headers that a function says.
fn said(headers: &Json) -> Result<Vec<(String, String)>, RunError> {
    let headers = match headers {
        Json::Null => return Ok(Vec::new()),
        given => given.as_object().ok_or_else(|| wrong("headers must be an object of texts"))?,
    };
    let (mut bytes, mut names) = (0, BTreeSet::new());
    let mut said = Vec::new();
    for (name, value) in headers {
        let shown: String = name.chars().take(60).collect();
        let value = value.as_str().ok_or_else(|| wrong(&format!("the header {shown:?} must be a text")))?;
        if name.is_empty() || !name.bytes().all(is_of_token) {
            return Err(wrong(&format!("{shown:?} is no name of a header")));
        }
        // A line break would begin another header.
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err(wrong(&format!(
                "the header {shown:?} has characters that can't be sent: ASCII in one line can"
            )));
        }
        bytes += name.len() + value.len();
        let name = name.to_ascii_lowercase();
        // Nobody could tell which of the two is meant.
        if !names.insert(name.clone()) {
            return Err(wrong(&format!("the header {shown:?} is there twice, in two spellings")));
        }
        let is_servers = NOT_SAID.contains(&name.as_str()) || name.starts_with(OF_FOREIGN_PAGES);
        if is_servers || is_of_connection(&name) {
            continue;
        }
        said.push((name, value.to_owned()));
    }
    if headers.len() > MOST_HEADERS || bytes > HEADER_BYTES {
        return Err(wrong(&format!("there are {MOST_HEADERS} headers of {HEADER_BYTES} bytes at most")));
    }
    Ok(said)
}

/// Whether a byte may be in the name of a header.
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn wrong(what: &str) -> RunError {
    RunError::new(RunErrorType::Response, BAD_RESULT, &format!("the answer can't be sent: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, RunError> {
        Answer::read(&Json::parse(text).expect("JSON"))
    }

    #[test]
    fn a_query_is_read_as_browsers_write_it() {
        let read = Json::Object(parameters("a=1&b=%C3%A9+%26&a=2&&c&%=%zz&d=%2&__proto__=x&e=%ff"));
        let expected = json!({
            "a": ["1", "2"], "b": ["é &"], "c": [""], "%": ["%zz"], "d": ["%2"], "__proto__": ["x"], "e": ["\u{fffd}"],
        });
        assert_eq!(read, expected);
        assert_eq!(parameters(""), Object::new());
    }

    #[test]
    fn a_function_is_told_no_credentials_and_nothing_of_the_connection() {
        let lines = [
            ("accept", "a"),
            ("accept", "b"),
            ("authorization", "Bearer x"),
            ("cookie", "JWT=x"),
            ("x-csrftoken", "x"),
            ("proxy-authorization", "x"),
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("x-other", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(Json::Object(headers(&lines)), json!({ "accept": "a, b", "x-other": "2" }));
    }

    #[test]
    fn a_body_that_is_no_plain_text_is_told_in_base64() {
        assert_eq!(text(b""), (Json::Null, false));
        assert_eq!(text("é\r\n\t".as_bytes()), (json!("é\r\n\t"), false));
        assert_eq!(text(b"\xff"), (json!("/w=="), true));
        assert_eq!(text(b"\0"), (json!("AA=="), true));
    }

    #[test]
    fn what_can_be_sent_is_read_and_what_is_not_the_functions_to_say_is_left_out() {
        let answer = read(
            r#"{"statusCode": 201, "body": "aGk=", "isBase64Encoded": true, "headers":
                {"X-Own": "1", "Set-Cookie": "a=b", "transfer-encoding": "chunked", "Proxy-Authenticate": "x", "Clear-Site-Data": "*"}}"#,
        );
        let expected = Answer {
            status: 201,
            headers: vec![("x-own".to_owned(), "1".to_owned())],
            body: b"hi".to_vec(),
            is_text: false,
        };
        assert_eq!(answer, Ok(expected));
        assert_eq!(read(r#"{"statusCode": 204, "body": "x"}"#).map(|answer| answer.body), Ok(Vec::new()));
    }

    #[test]
    fn what_can_not_be_sent_is_said() {
        let many: Vec<String> = (0..65).map(|n| format!("\"h{n}\": \"\"")).collect();
        let many = format!(r#"{{"statusCode": 200, "headers": {{{}}}}}"#, many.join(","));
        for (text, words) in [
            ("null", "object"),
            ("[200]", "object"),
            ("{}", "statusCode"),
            (r#"{"statusCode": 199}"#, "statusCode"),
            (r#"{"statusCode": 500}"#, "statusCode"),
            (r#"{"statusCode": 200.5}"#, "statusCode"),
            (r#"{"statusCode": "200"}"#, "statusCode"),
            (r#"{"statusCode": 200, "body": {}}"#, "body"),
            (r#"{"statusCode": 200, "body": "?", "isBase64Encoded": true}"#, "base64"),
            (r#"{"statusCode": 200, "isBase64Encoded": 1}"#, "isBase64Encoded"),
            (r#"{"statusCode": 200, "headers": []}"#, "headers"),
            (r#"{"statusCode": 200, "headers": {"x": 1}}"#, "must be a text"),
            (r#"{"statusCode": 200, "headers": {"x": "1\r\nset-cookie: a=b"}}"#, "one line"),
            (r#"{"statusCode": 200, "headers": {"x": "é"}}"#, "one line"),
            (r#"{"statusCode": 200, "headers": {"x: 1\r\ny": "1"}}"#, "no name"),
            (r#"{"statusCode": 200, "headers": {"": "1"}}"#, "no name"),
            (r#"{"statusCode": 200, "headers": {"X-A": "1", "x-a": "1"}}"#, "twice"),
            (&many, "at most"),
        ] {
            let error = read(text).expect_err(text);
            assert!(
                error.message.contains(words) && error.kind == RunErrorType::Response,
                "{text}: {error:?}"
            );
        }
    }
}
