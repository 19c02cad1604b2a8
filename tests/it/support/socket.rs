//! The server on a port of its own, and clients that speak `graphql-transport-ws` to it.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, block_in_place};
use tokio_util::sync::CancellationToken;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::client::Response;
use tungstenite::{Message, WebSocket};

use super::app::TestApp;

/// How long a client waits for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a port of its own. It stops when it is dropped.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: Option<JoinHandle<tasks_management::Result<bool>>>,
}

impl Served {
    /// Serves a module.
    pub async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (module, stop) = (app.module.clone(), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move { module.serve(listener, stopped).await });
        Self { address, stop, serving: Some(serving) }
    }

    /// Tells it to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Tells it to stop after a while.
    pub fn stop_after(&self, pause: Duration) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            stop.cancel();
        });
    }

    /// Tells it to stop, and waits for its end.
    pub async fn stopped(mut self) -> bool {
        self.stop();
        let serving = self.serving.take().expect("it serves");
        serving.await.expect("it ends").expect("it served")
    }

    /// Connects with these headers, and sends a first message.
    pub fn connect(&self, headers: &[(&'static str, &str)], init: Value) -> Socket {
        let mut socket = self.knock(headers).expect("a WebSocket");
        socket.send(&json!({ "type": "connection_init", "payload": init }));
        socket
    }

    /// Connects with these headers; the error holds the answer of a server that refuses.
    pub fn knock(&self, headers: &[(&'static str, &str)]) -> Result<Socket, Box<Response>> {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is set");
        let mut request =
            format!("ws://{}/api/graphql/ws", self.address).into_client_request().expect("a request");
        let protocol = [("sec-websocket-protocol", "graphql-transport-ws")];
        for (name, value) in protocol.iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match block_in_place(|| tungstenite::client(request, stream).map_err(Box::new)) {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(error) => match *error {
                tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response)) => Err(response),
                error => panic!("{error}"),
            },
        }
    }

    /// Somebody of the fixture with a token, who is listened to.
    pub async fn listen(&self, app: &TestApp, username: &str) -> Socket {
        let token = app.user(username).await.authorization.expect("a token");
        let mut socket = self.connect(&[], json!({ "Authorization": token }));
        assert_eq!(socket.next()["type"], "connection_ack");
        socket
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A connection of a client.
pub struct Socket(pub WebSocket<TcpStream>);

impl Socket {
    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        block_in_place(|| self.0.send(Message::text(message.to_string()))).expect("it is sent");
    }

    /// Begins an operation.
    pub fn subscribe(&mut self, id: &str, query: &str) {
        self.send(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }));
    }

    /// Begins to listen to changes, and waits until all that was missed has come; returns that, with READY as the last.
    pub fn listen(&mut self, arguments: &str) -> Vec<Value> {
        let fields = "cursor signal uuid task { uuid version status source }";
        self.subscribe("changes", &format!("subscription {{ taskChanged{arguments} {{ {fields} }} }}"));
        let mut missed = Vec::new();
        loop {
            missed.push(self.change());
            if missed.last().is_some_and(|change| change["signal"] == "READY") {
                return missed;
            }
        }
    }

    /// The next message; the code and the reason, if the server closes the connection.
    pub fn next(&mut self) -> Value {
        loop {
            match block_in_place(|| self.0.read()) {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).expect("JSON"),
                Ok(Message::Close(frame)) => {
                    let frame = frame.expect("a code");
                    return json!({ "closed": u16::from(frame.code), "reason": frame.reason.as_str() });
                }
                Ok(_) => {}
                Err(error) => return json!({ "closed": null, "reason": error.to_string() }),
            }
        }
    }

    /// The next message, if one comes so soon.
    pub fn soon(&mut self, patience: Duration) -> Option<Value> {
        let until = Instant::now() + patience;
        let mut message = None;
        while message.is_none() && Instant::now() < until {
            let rest = until.duration_since(Instant::now()).max(Duration::from_millis(1));
            self.0.get_ref().set_read_timeout(Some(rest)).expect("it is set");
            match block_in_place(|| self.0.read()) {
                Ok(Message::Text(text)) => message = serde_json::from_str(&text).ok(),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(_) => message = Some(json!({ "closed": true })),
                Err(tungstenite::Error::Io(error)) => {
                    use std::io::ErrorKind::{TimedOut, WouldBlock};
                    assert!(matches!(error.kind(), WouldBlock | TimedOut), "{error}");
                }
                Err(error) => message = Some(json!({ "closed": error.to_string() })),
            }
        }
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).expect("it is set");
        message
    }

    /// The next change that is told.
    pub fn change(&mut self) -> Value {
        let mut message = self.next();
        let change = message["payload"]["data"]["taskChanged"].take();
        assert!(change.is_object(), "no change is told: {message}");
        change
    }

    /// The signals and versions of the next changes.
    pub fn changes<const N: usize>(&mut self) -> [(String, Value); N] {
        std::array::from_fn(|_| {
            let change = self.change();
            (change["signal"].as_str().expect("a signal").to_owned(), change["task"]["version"].clone())
        })
    }

    /// The code of the error that comes next, and ends its operation.
    pub fn error(&mut self) -> Value {
        self.refusal()["extensions"]["code"].clone()
    }

    /// The error that comes next, and ends its operation: `error` if nothing was executed, otherwise the last answer.
    pub fn refusal(&mut self) -> Value {
        let mut message = self.next();
        let error = if message["type"] == "error" {
            message["payload"][0].take()
        } else {
            let end = self.next();
            assert_eq!(end, json!({ "type": "complete", "id": message["id"] }), "after {message}");
            message["payload"]["errors"][0].take()
        };
        assert!(error["extensions"]["code"].is_string(), "{message}");
        error
    }

    /// Whether nothing comes for so long but pings, which it answers.
    pub fn is_silent(&mut self, during: Duration) -> bool {
        self.soon(during).is_none()
    }
}
