//! The people of a host in one function, by the host's own keys.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use uuid::Uuid;

use super::host_key::HostKey;
use super::users::{Ahead, Person, Users};
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::error::{Error, Result};

/// The people whom the module wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<K> {
    /// Those with these keys, active or not, in any order.
    Keys(Vec<K>),
    /// The one of this name, active or not.
    Username(String),
    /// A page of all, in the order of their keys: at most `limit` of those after `after`.
    Page {
        /// The last key of the page before; none for the first page.
        after: Option<K>,
        /// The most people.
        limit: usize,
    },
}

/// A person of a host and what the person may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account<K> {
    /// The host's key, which never changes.
    pub key: K,
    /// The person. The module sets the key.
    pub person: Person,
    /// What the person may do now.
    pub rights: Rights,
}

impl<K> Account<K> {
    /// An active person with this key, name and rights, who reads English.
    #[must_use]
    pub fn new(key: K, username: impl Into<String>, rights: Rights) -> Self {
        Self { key, person: Person::new(Uuid::nil(), username), rights }
    }
}

/// A host's people, found by the host's own keys: [`Users`] in one function.
///
/// The function is called as the methods of [`Users`] are.
///
/// ```
/// use tasks_management::{Account, Builder, DbConnection, HostKey as _, People, Result, Rights, Settings, Wanted};
///
/// /// Two people, by number.
/// struct Office;
///
/// impl People for Office {
///     type Key = i32;
///
///     fn find(&self, _: &mut DbConnection, wanted: Wanted<i32>) -> Result<Vec<Account<i32>>> {
///         let all = [Account::new(7, "ada", Rights::everything()), Account::new(8, "ben", Rights::of([191_001]))];
///         let is_wanted = |account: &Account<i32>| match &wanted {
///             Wanted::Keys(keys) => keys.contains(&account.key),
///             Wanted::Username(name) => *name == account.person.username,
///             Wanted::Page { after, .. } => Some(account.key) > *after,
///         };
///         Ok(all.into_iter().filter(is_wanted).collect())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let file = std::env::temp_dir().join(format!("people-{}.db", uuid::Uuid::new_v4()));
/// # let mut settings = Settings::default();
/// # settings.database.url = format!("sqlite://{}", file.display());
/// let module = Builder::new(settings).people(Office).build()?;
/// module.migrate().await?;
/// let ben = module.requester_by_id(8.id()?).await?;
/// assert_eq!(ben.user.username, "ben");
/// # Ok(())
/// # }
/// ```
pub trait People: Send + Sync + 'static {
    /// The host's key of a person.
    type Key: HostKey;

    /// The people who are wanted. The module takes those who are missing in the answer for unknown, and leaves others alone.
    ///
    /// # Errors
    /// Those of the host.
    fn find(
        &self,
        connection: &mut DbConnection,
        wanted: Wanted<Self::Key>,
    ) -> Result<Vec<Account<Self::Key>>>;

    /// The module is about to ask for the people with these keys, as [`Users::ahead`] says. By default nothing is done.
    ///
    /// # Errors
    /// Those of the host.
    fn ahead(&self, keys: Vec<Self::Key>) -> Ahead<'_> {
        let _ = keys;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The people of a host who are found asynchronously, because they are behind HTTP.
///
/// Whoever makes a request is asked for before a connection to the database is taken, and known for a second from then. Other
/// people, such as the executors of a new group, are asked for with a connection, in a transaction at times. So the host should
/// bound its own time.
pub struct Remote<K, F> {
    find: F,
    known: Mutex<BTreeMap<Uuid, Known<K>>>,
}

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(1);

/// What a host has answered about a key.
struct Known<K> {
    since: Instant,
    /// None if nobody has the key.
    account: Option<Account<K>>,
}

impl<K> Known<K> {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < KEPT
    }
}

impl<K, F, Found> Remote<K, F>
where
    K: HostKey,
    F: Fn(Wanted<K>) -> Found + Send + Sync + 'static,
    Found: Future<Output = Result<Vec<Account<K>>>> + Send,
{
    /// People whom this function finds.
    #[must_use]
    pub const fn new(find: F) -> Self {
        Self { find, known: Mutex::new(BTreeMap::new()) }
    }

    /// Those with these keys; none unless all keys were asked for lately.
    fn all_known(&self, keys: &[K]) -> Option<Vec<Account<K>>> {
        let known = self.known();
        let mut found = Vec::new();
        for key in keys {
            let kept = known.get(&key.id().ok()?).filter(|kept| kept.is_fresh())?;
            found.extend(kept.account.clone());
        }
        Some(found)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Uuid, Known<K>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, F, Found> People for Remote<K, F>
where
    K: HostKey,
    F: Fn(Wanted<K>) -> Found + Send + Sync + 'static,
    Found: Future<Output = Result<Vec<Account<K>>>> + Send,
{
    type Key = K;

    fn find(&self, _: &mut DbConnection, wanted: Wanted<K>) -> Result<Vec<Account<K>>> {
        if let Wanted::Keys(keys) = &wanted
            && let Some(found) = self.all_known(keys)
        {
            return Ok(found);
        }
        // The module asks on threads where blocking is allowed.
        let runtime = Handle::try_current().map_err(Error::internal)?;
        runtime.block_on((self.find)(wanted))
    }

    fn ahead(&self, keys: Vec<K>) -> Ahead<'_> {
        Box::pin(async move {
            let found = (self.find)(Wanted::Keys(keys.clone())).await?;
            let mut known = self.known();
            known.retain(|_, kept| kept.is_fresh());
            for key in keys {
                let account = found.iter().find(|account| account.key == key).cloned();
                known.insert(key.id()?, Known { since: Instant::now(), account });
            }
            Ok(())
        })
    }
}

/// People as the module asks for them: by UUIDs.
pub struct ByKey<P>(pub P);

impl<P: People> ByKey<P> {
    fn by_keys(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Account<P::Key>>> {
        let keys: Vec<P::Key> = ids.iter().filter_map(|id| P::Key::of_id(*id)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = self.0.find(connection, Wanted::Keys(keys.clone()))?;
        // A caller takes whom it finds for whom it has asked for, whatever the host answers.
        found.retain(|account| keys.contains(&account.key));
        Ok(found)
    }
}

fn people<K: HostKey>(found: Vec<Account<K>>) -> Result<Vec<Person>> {
    found.into_iter().map(|account| Ok(Person { id: account.key.id()?, ..account.person })).collect()
}

impl<P: People> Users for ByKey<P> {
    fn by_ids(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Person>> {
        people(self.by_keys(connection, ids)?)
    }

    fn by_username(&self, connection: &mut DbConnection, username: &str) -> Result<Option<Person>> {
        let mut found = self.0.find(connection, Wanted::Username(username.to_owned()))?;
        // Hosts may compare names in ways of their own, but of several people only one can be meant.
        if found.len() > 1 {
            found.retain(|account| account.person.username == username);
            found.truncate(1);
        }
        Ok(people(found)?.pop())
    }

    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
        let found = self.by_keys(connection, ids)?;
        found.into_iter().map(|account| Ok((account.key.id()?, account.rights))).collect()
    }

    fn page(&self, connection: &mut DbConnection, after: Option<Uuid>, limit: usize) -> Result<Vec<Person>> {
        let after = after.and_then(P::Key::of_id);
        let mut found = self.0.find(connection, Wanted::Page { after, limit })?;
        // One with a key that can't be keeps nobody else from being found.
        found.retain(|account| match account.key.id() {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(username = account.person.username, %error, "a person of the host is left out of lists");
                false
            }
        });
        people(found)
    }

    fn ahead<'a>(&'a self, ids: &'a [Uuid]) -> Ahead<'a> {
        self.0.ahead(ids.iter().filter_map(|id| P::Key::of_id(*id)).collect())
    }
}
