//! Plays one case after the other, remembering sessions and names.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::Router;

use super::answer::{body_diff, status_diff};
use super::bindings::{Bindings, token_name, token_users};
use super::case::{Case, Expect, Headers, Mode, Read, Request};
use super::journal::journal_diff;
use super::session::Session;

/// What cases share on the client's side.
pub struct Player {
    sessions: Sessions,
    bindings: Bindings,
}

impl Player {
    /// One whose users are not logged in yet.
    pub fn new(router: Router) -> Self {
        Self { sessions: Sessions { router, by_user: BTreeMap::new() }, bindings: Bindings::default() }
    }

    /// Plays the case; returns its differences, or why it could not be played.
    pub async fn run(&mut self, case: &Case) -> Result<Vec<String>, String> {
        let request = self.fill(&case.request).await?;
        let session = self.sessions.of(case.as_user.as_deref(), &mut self.bindings).await?;
        let reply = session.send(&request).await?;
        let expect = &case.expect;
        let mut lines = if case.mode == Mode::Journal || expect.log.is_some() {
            journal_diff(expect, &reply, session, &mut self.bindings).await?
        } else {
            status_diff(expect, &reply)
        };
        if matches!(case.mode, Mode::Exact | Mode::Custom) && expect.log.is_none() {
            lines.extend(body_diff(expect, &reply, &mut self.bindings));
        }
        for read in &expect.read {
            let differences = self.read_back(read).await?;
            lines.extend(differences.into_iter().map(|line| format!("read back: {line}")));
        }
        Ok(lines)
    }

    async fn read_back(&mut self, read: &Read) -> Result<Vec<String>, String> {
        let request =
            Request::Graphql { query: read.query.clone(), variables: None, headers: Headers::new() };
        let request = self.fill(&request).await?;
        let session = self.sessions.of(read.as_user.as_deref(), &mut self.bindings).await?;
        let reply = session.send(&request).await?;
        let expect = Expect { data: Some(read.data.clone()), ..Expect::default() };
        let mut lines = status_diff(&expect, &reply);
        lines.extend(body_diff(&expect, &reply, &mut self.bindings));
        Ok(lines)
    }

    /// The request with the names in it replaced by what they are bound to.
    async fn fill(&mut self, request: &Request) -> Result<Request, String> {
        let value = serde_json::to_value(request).map_err(|error| error.to_string())?;
        for user in token_users(&value.to_string()) {
            self.sessions.of(Some(&user), &mut self.bindings).await?;
        }
        serde_json::from_value(self.bindings.fill(value)).map_err(|error| error.to_string())
    }
}

struct Sessions {
    router: Router,
    by_user: BTreeMap<Option<String>, Session>,
}

impl Sessions {
    /// The user's session, logged in at the first use; a stranger's is new each time.
    async fn of(&mut self, user: Option<&str>, bindings: &mut Bindings) -> Result<&mut Session, String> {
        if user.is_none() {
            self.by_user.remove(&None);
        }
        match self.by_user.entry(user.map(str::to_owned)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let router = self.router.clone();
                let Some(user) = user else {
                    return Ok(place.insert(Session::stranger(router)));
                };
                let (session, token) = Session::login(router, user).await?;
                bindings.bind(&token_name(user), &token);
                Ok(place.insert(session))
            }
        }
    }
}

mod tests;
