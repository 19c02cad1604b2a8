//! What `graphql-transport-ws` asks of a client's messages beyond what the library looks at, with the protocol's codes.

use std::collections::HashSet;

use async_graphql::http::ClientMessage;
use serde::Deserialize;

use super::session::Closing;

/// The messages of a connection.
#[derive(Default)]
pub struct Messages {
    /// Whether `connection_init` came. What follows it waits until that is acknowledged.
    has_begun: bool,
    /// The ids of the operations under way.
    under_way: HashSet<String>,
}

/// What a message of the server is about.
#[derive(Deserialize)]
struct Completed {
    id: String,
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
            ClientMessage::Start { id, .. } if !self.under_way.insert(id.clone()) => {
                Err(Closing::new(4409, &format!("Subscriber for {id} already exists")))
            }
            ClientMessage::Stop { id } => {
                self.under_way.remove(id);
                Ok(message)
            }
            _ => Ok(message),
        }
    }

    /// Notes what is sent to the client.
    pub fn sent(&mut self, text: &str) {
        if text.starts_with(r#"{"type":"complete""#)
            && let Ok(Completed { id }) = serde_json::from_str(text)
        {
            self.under_way.remove(&id);
        }
    }
}
