//! A client. It comes from an address of its own on loopback, and keeps its connection and its cookies, except those of a
//! session.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The longest time that a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The address of this last number on loopback.
pub const fn place(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
}

/// A client.
pub struct Client {
    server: SocketAddr,
    from: IpAddr,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// More headers for every request.
    pub headers: Vec<(&'static str, String)>,
    cookies: BTreeMap<String, String>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The type of its content.
    pub content_type: String,
    /// Whether it sets a cookie.
    pub sets_cookies: bool,
    /// The body.
    pub bytes: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
}

/// Connects from an address of loopback.
pub async fn connect(server: SocketAddr, from: IpAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Client {
    /// A stranger.
    pub const fn new(server: SocketAddr, from: IpAddr) -> Self {
        Self { server, from, token: None, headers: Vec::new(), cookies: BTreeMap::new(), connection: None }
    }

    /// A client that is logged in. Everybody's password is the user name followed by `12345`.
    pub async fn logged_in(server: SocketAddr, from: IpAddr, username: &str) -> Result<Self, String> {
        let mut client = Self::new(server, from);
        client.token = Some(client.log_in(username, &format!("{username}12345")).await?);
        Ok(client)
    }

    /// Logs in; returns the token.
    pub async fn log_in(&mut self, username: &str, password: &str) -> Result<String, String> {
        let answer = self.post(login(username, password)).await?;
        let body = answer.json();
        let token = body["data"]["tokenAuth"]["token"].as_str();
        token.map(ToOwned::to_owned).ok_or_else(|| format!("{username} is refused: {} {body}", answer.status))
    }

    /// Sends a document; returns the status and the body.
    pub async fn graphql(&mut self, query: &str, variables: &Value) -> Result<(u16, Value), String> {
        let answer = self.post(document(query, variables)).await?;
        Ok((answer.status, answer.json()))
    }

    /// Sends a body to the GraphQL endpoint.
    pub async fn post(&mut self, body: Bytes) -> Result<Answer, String> {
        self.send("POST", "/api/graphql", body).await
    }

    /// Sends anything anywhere.
    pub async fn send(&mut self, method: &str, path: &str, body: Bytes) -> Result<Answer, String> {
        let sent = timeout(PATIENCE, self.exchange(method, path, body)).await;
        let answer = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        if answer.is_err() {
            self.hang_up();
        }
        answer
    }

    /// Closes the connection; the next request makes another.
    pub fn hang_up(&mut self) {
        self.connection = None;
    }

    async fn exchange(&mut self, method: &str, path: &str, body: Bytes) -> Result<Answer, String> {
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.open().await?,
        };
        connection.ready().await.map_err(|error| error.to_string())?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "localhost")
            .header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", pairs.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let response = connection.send_request(request).await.map_err(|error| error.to_string())?;
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next()?.split_once('='));
            // Cookies of devices are kept. Sessions go on by token.
            if let Some((name, value)) = pair.filter(|(name, _)| !name.contains("JWT")) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, sets_cookies) =
            (response.status().as_u16(), response.headers().contains_key("set-cookie"));
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let mut body = response.into_body();
        if content_type.starts_with("multipart/") {
            // It does not end by itself.
            return Ok(Answer { status, content_type, sets_cookies, bytes: beginning(&mut body).await? });
        }
        let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status, content_type, sets_cookies, bytes })
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = connect(self.server, self.from).await.map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// What comes of a body without a long pause.
async fn beginning(body: &mut Incoming) -> Result<Bytes, String> {
    const PAUSE: Duration = Duration::from_millis(100);
    const MOST: usize = 1_000_000;
    let mut bytes = Vec::new();
    while bytes.len() < MOST {
        let Ok(Some(frame)) = timeout(PAUSE, body.frame()).await else { break };
        bytes.extend(frame.map_err(|error| error.to_string())?.into_data().unwrap_or_default());
    }
    Ok(bytes.into())
}

/// The body of a document.
pub fn document(query: &str, variables: &Value) -> Bytes {
    json!({ "query": query, "variables": variables }).to_string().into()
}

/// The body of a login.
pub fn login(username: &str, password: &str) -> Bytes {
    let query = "mutation($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }";
    document(query, &json!({ "u": username, "p": password }))
}
