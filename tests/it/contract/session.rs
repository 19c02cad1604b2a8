//! A browser with the front end in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::case::{Headers, Request};
use super::matcher::brief;

/// A cookie jar and a CSRF token.
pub struct Session {
    router: Router,
    cookies: BTreeMap<String, String>,
    csrf_token: Option<String>,
}

/// An answer as the front end sees it.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it is no JSON.
    pub body: Value,
    /// Cookies set by the answer: their attributes in lower case.
    pub set_cookie: BTreeMap<String, String>,
}

impl Reply {
    /// The GraphQL answer's data, null when there is none.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The GraphQL answer's top-level errors.
    pub fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }
}

const GRAPHQL: &str = "/api/graphql";
const AUTHENTICATE: &str = "mutation authenticate($username: String!, $password: String!) { \
    tokenAuth(username: $username, password: $password) { token refreshExpiresIn } }";
const GET_CSRF_TOKEN: &str = "mutation { getCsrfToken { csrfToken } }";
const TOKEN_COOKIE: &str = "JWT";

impl Session {
    /// A browser that has never been here.
    pub fn stranger(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), csrf_token: None }
    }

    /// Logs in as the front end does; returns the session and its token.
    pub async fn login(router: Router, user: &str) -> Result<(Self, String), String> {
        let mut session = Self::stranger(router);
        let variables = json!({"username": user, "password": format!("{user}123")});
        let reply = session.mutate(AUTHENTICATE, variables, &[("X-CSRFToken", "undefined")]).await?;
        let token = reply.data()["tokenAuth"]["token"]
            .as_str()
            .filter(|_| session.cookies.contains_key(TOKEN_COOKIE));
        let Some(token) = token.map(str::to_owned) else {
            return Err(format!("cannot log in as {user}: HTTP {} {}", reply.status, brief(&reply.body)));
        };
        let reply = session.mutate(GET_CSRF_TOKEN, json!({}), &[("Authorization", "JWT undefined")]).await?;
        session.csrf_token = reply.data()["getCsrfToken"]["csrfToken"].as_str().map(str::to_owned);
        Ok((session, token))
    }

    /// Sends a case's request.
    pub async fn send(&mut self, request: &Request) -> Result<Reply, String> {
        match request {
            Request::Graphql { query, variables, headers } => {
                self.graphql(query, variables.as_ref(), headers).await
            }
            Request::Rest { method, path, body, headers } => {
                self.exchange(method, path, body.clone().unwrap_or_default(), headers).await
            }
        }
    }

    /// Sends a GraphQL document.
    pub async fn graphql(
        &mut self,
        query: &str,
        variables: Option<&Value>,
        headers: &Headers,
    ) -> Result<Reply, String> {
        let mut body = json!({"query": query});
        if let Some(variables) = variables {
            body["variables"] = variables.clone();
        }
        self.exchange("POST", GRAPHQL, body.to_string(), headers).await
    }

    async fn mutate(
        &mut self,
        query: &str,
        variables: Value,
        headers: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let headers =
            headers.iter().map(|&(name, value)| (name.to_owned(), Some(value.to_owned()))).collect();
        self.graphql(query, Some(&variables), &headers).await
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: String,
        extra: &Headers,
    ) -> Result<Reply, String> {
        let fault = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
        let mut request =
            HttpRequest::builder().method(method).uri(path).body(Body::from(body)).map_err(|e| fault(&e))?;
        *request.headers_mut() = self.headers(extra).map_err(|e| fault(&e))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.map_err(|e| fault(&e))?;
        Ok(Reply {
            status: head.status.as_u16(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            set_cookie: self.keep_cookies(&head.headers),
        })
    }

    /// What the front end sends with each request, then what the case wants otherwise.
    fn headers(&self, extra: &Headers) -> Result<HeaderMap, axum::http::Error> {
        // The front end prints what its storage holds, so a missing token goes out as a word.
        let csrf_token = self.csrf_token.as_deref().unwrap_or("null");
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-requested-with", HeaderValue::from_static("XMLHttpRequest"));
        headers.insert("x-csrftoken", HeaderValue::from_str(csrf_token)?);
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, HeaderValue::from_str(&cookies.join("; "))?);
        }
        for (name, value) in extra {
            let name = HeaderName::try_from(name)?;
            match value {
                Some(value) => headers.insert(name, HeaderValue::from_str(value)?),
                None => headers.remove(name),
            };
        }
        Ok(headers)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let mut set = BTreeMap::new();
        for line in headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, attributes) = (name.trim().to_owned(), attributes.to_lowercase());
            let expired = attributes.split(';').any(|attribute| attribute.trim() == "max-age=0");
            if expired || value.is_empty() {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name.clone(), value.to_owned());
            }
            set.insert(name, attributes);
        }
        set
    }
}

mod tests;
