//! What `graphql-transport-ws` asks of a client's messages beyond what the library looks at, with the protocol's codes.

use async_graphql::http::ClientMessage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::Closing;

/// The messages of a connection.
#[derive(Default)]
pub struct Messages {
    /// Whether `connection_init` came. What follows it waits until that is acknowledged.
    has_begun: bool,
    /// The operations under way. There are few.
    under_way: Vec<UnderWay>,
    /// The ids of those that the client has ended, and the library has not completed yet. The client hears nothing more of them.
    ended: Vec<String>,
}

struct UnderWay {
    id: String,
    /// Whether it was answered by `error`, and the library has not completed it yet.
    is_refused: bool,
}

/// A message of the server, as the library writes it.
#[derive(Deserialize)]
struct Said {
    id: String,
    payload: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Value>,
}

impl Messages {
    /// Reads a message of the client.
    ///
    /// # Errors
    /// How the connection is to be closed, as the message is not one of the protocol, or comes at the wrong time.
    pub fn read(&mut self, bytes: &[u8]) -> Result<ClientMessage, Closing> {
        let message = ClientMessage::from_bytes(bytes)
            .map_err(|error| Closing::new(4400, &format!("no message of the protocol: {error}")))?;
        match &message {
            ClientMessage::ConnectionInit { .. } => {
                self.has_begun = true;
                Ok(message)
            }
            ClientMessage::Start { .. } if !self.has_begun => Err(Closing::new(4401, "Unauthorized")),
            ClientMessage::Start { id, .. } if self.under_way.iter().any(|one| one.id == *id) => {
                Err(Closing::new(4409, &format!("Subscriber for {id} already exists")))
            }
            ClientMessage::Start { id, .. } => {
                self.under_way.push(UnderWay { id: id.clone(), is_refused: false });
                Ok(message)
            }
            ClientMessage::Stop { id } => {
                if self.end(id).is_some() {
                    self.ended.push(id.clone());
                }
                Ok(message)
            }
            _ => Ok(message),
        }
    }

    /// What the client is told where the library says this, if it is told anything.
    ///
    /// The library answers all by `next` and `complete`. The protocol says `error` of an operation that was refused before it was
    /// executed, and nothing after that.
    pub fn told(&mut self, text: String) -> Option<String> {
        if text.starts_with(r#"{"type":"complete""#)
            && let Ok(Said { id, .. }) = serde_json::from_str(&text)
        {
            if let Some(place) = self.ended.iter().position(|ended| *ended == id) {
                self.ended.remove(place);
                return None;
            }
            let was_refused = self.end(&id).is_some_and(|ended| ended.is_refused);
            return (!was_refused).then_some(text);
        }
        // Errors of an execution say where in the answer they are.
        if text.starts_with(r#"{"type":"next""#)
            && text.contains(r#""payload":{"data":null"#)
            && let Ok(Said { id, payload: Some(Answer { errors }) }) = serde_json::from_str(&text)
            && !errors.is_empty()
            && errors.iter().all(|error| error["path"].as_array().is_none_or(Vec::is_empty))
        {
            let error = json!({ "type": "error", "id": id, "payload": errors }).to_string();
            for one in self.under_way.iter_mut().filter(|one| one.id == id) {
                one.is_refused = true;
            }
            return Some(error);
        }
        Some(text)
    }

    fn end(&mut self, id: &str) -> Option<UnderWay> {
        let place = self.under_way.iter().position(|one| one.id == id)?;
        Some(self.under_way.swap_remove(place))
    }
}
