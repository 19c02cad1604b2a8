//! A client: a browser with cookies, or a program with a Bearer token. Requests go through the real router.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A client with what it keeps from one request to the next.
#[derive(Clone)]
pub struct Client {
    router: Router,
    /// Cookies by name.
    pub cookies: BTreeMap<String, String>,
    /// What it sends as `X-CSRFToken`.
    pub csrf: Option<String>,
    /// What it sends as `Authorization`.
    pub authorization: Option<String>,
    /// Its address.
    pub address: SocketAddr,
    /// More headers for every request.
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as a text.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// `data.<field>`; panics with the whole answer when there were errors.
    pub fn data(&self, field: &str) -> &Value {
        assert!(self.body.get("errors").is_none(), "errors in {}", self.text);
        &self.body["data"][field]
    }

    /// The codes of the errors.
    pub fn codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|error| error["extensions"]["code"].as_str().unwrap_or("none")).collect()
    }

    /// The text of the first error.
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_default()
    }
}

impl Client {
    /// A stranger.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            cookies: BTreeMap::new(),
            csrf: None,
            authorization: None,
            address: SocketAddr::from(([127, 0, 0, 1], 40_000)),
            headers: Vec::new(),
        }
    }

    /// Logs in as the front end does. The fixture's passwords are `<username>123`.
    pub async fn log_in(&mut self, username: &str) {
        let answer = self.try_log_in(username, &format!("{username}123")).await;
        assert!(answer.body["data"]["tokenAuth"].is_object(), "{username} can't log in: {}", answer.text);
        let answer = self.graphql("mutation { getCsrfToken { csrfToken } }").await;
        self.csrf = answer.data("getCsrfToken")["csrfToken"].as_str().map(str::to_owned);
    }

    /// Tries to log in; cookies are kept if it goes well.
    pub async fn try_log_in(&mut self, username: &str, password: &str) -> Answer {
        let query = "mutation($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token refreshExpiresIn } }";
        self.graphql_with(query, json!({ "u": username, "p": password })).await
    }

    /// The same person by Bearer token instead of cookies.
    pub fn into_bearer(mut self) -> Self {
        let token = self.cookies.remove("JWT").expect("logged in");
        self.authorization = Some(format!("Bearer {token}"));
        self.cookies.clear();
        self.csrf = None;
        self
    }

    /// Sends a GraphQL document.
    pub async fn graphql(&mut self, query: &str) -> Answer {
        self.post(json!({ "query": query })).await
    }

    /// Sends a GraphQL document with variables.
    pub async fn graphql_with(&mut self, query: &str, variables: Value) -> Answer {
        self.post(json!({ "query": query, "variables": variables })).await
    }

    /// Sends a JSON body to the GraphQL endpoint.
    pub async fn post(&mut self, body: Value) -> Answer {
        self.send("POST", "/api/graphql", body.to_string()).await
    }

    /// Runs a mutation and returns its journal entry's `(status, error)`. Panics on errors outside the journal.
    pub async fn mutate(&mut self, name: &str, input: Value) -> (i64, Value) {
        let input_type = format!("{}{}MutationInput", name[..1].to_uppercase(), &name[1..]);
        let query = format!(
            "mutation($input: {input_type}!) {{ {name}(input: $input) {{ clientMutationId internalId }} }}"
        );
        let answer = self.graphql_with(&query, json!({ "input": input })).await;
        let id =
            answer.data(name)["internalId"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        let query = format!(r#"{{ mutationLogs(id: "{id}") {{ edges {{ node {{ status error }} }} }} }}"#);
        let answer = self.graphql(&query).await;
        let node = &answer.data("mutationLogs")["edges"][0]["node"];
        let error = node["error"]
            .as_str()
            .map_or(Value::Null, |text| serde_json::from_str(text).expect("a JSON list"));
        (node["status"].as_i64().expect("a status"), error)
    }

    /// Sends anything anywhere.
    pub async fn send(&mut self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "localhost")
            .header("Content-Type", "application/json")
            .header("X-Requested-With", "XMLHttpRequest")
            .header("X-CSRFToken", self.csrf.as_deref().unwrap_or("null"));
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", pairs.join("; "));
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut request = request.body(body.into()).expect("a well-formed request");
        for (name, value) in &self.headers {
            let name: axum::http::HeaderName = name.parse().expect("a header's name");
            let value: axum::http::HeaderValue = value.parse().expect("a header's value");
            // The usual ones are replaced; of the others each line counts.
            let usual = ["content-type", "x-csrftoken", "authorization", "cookie"];
            if usual.contains(&name.as_str()) {
                request.headers_mut().insert(name, value);
            } else {
                request.headers_mut().append(name, value);
            }
        }
        request.extensions_mut().insert(ConnectInfo(self.address));
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body arrives");
        for value in parts.headers.get_all("set-cookie") {
            let text = value.to_str().expect("a cookie is ASCII");
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, content) = pair.split_once('=').expect("a cookie has a name");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), content.to_owned());
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, body }
    }
}
