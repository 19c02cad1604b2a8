//! Attacks by the answers that are asked for.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{Field, documents};
use crate::http::document;

/// Documents that once broke the server, sent by a stranger and by a person who may see much.
pub async fn broken(field: &Field<'_>) -> Result<(), String> {
    let mut clients = field.people("trudy", 3).await?;
    clients.extend(field.strangers(1));
    field.flood(clients, documents::that_broke()).await;
    Ok(())
}

/// A person without rights fills the journal with large entries, and asks for them many times at once.
pub async fn journals(field: &Field<'_>) -> Result<(), String> {
    let mut nils = field.people("nils", 4).await?;
    for number in 0..field.size.large {
        for body in refused_and_done(number) {
            field.tally.note(nils[0].post(body).await.ok().map(|answer| answer.status));
        }
    }
    field.flood(nils, vec![documents::journals()]).await;
    Ok(())
}

/// Two large requests of a person without rights: one that is refused, and one that is done.
pub fn refused_and_done(number: usize) -> [Bytes; 2] {
    let text = "x".repeat(1_900_000);
    let create = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
    let refused = json!({ "in": { "data": json!({ "n": number, "text": text }).to_string() } });
    let speak =
        "mutation($in: ChangeUserLanguageMutationInput!) { changeUserLanguage(input: $in) { internalId } }";
    let done = json!({ "in": { "languageId": "en", "clientMutationDetails": [number.to_string(), text] } });
    [document(create, &refused), document(speak, &done)]
}

/// Answers of many megabytes, which are compressed; and everybody with their roles.
pub async fn compressed(field: &Field<'_>) -> Result<(), String> {
    let mut clients = field.people("eve", 4).await?;
    let mut trudy = field.people("trudy", 1).await?;
    for client in clients.iter_mut().chain(&mut trudy) {
        client.headers.push(("Accept-Encoding", "gzip".to_owned()));
    }
    let (few, many) = (documents::lists_with_data(2), documents::lists_with_data(5));
    let user = document("{ user { username } }", &Value::Null);
    tokio::join!(
        field.flood(clients, vec![few, many]),
        field.flood(trudy, vec![documents::roles_of_all(), user])
    );
    Ok(())
}
