//! The people of a host in one function, by the host's own keys.

use std::collections::HashMap;
use std::future::Future;

use tokio::runtime::Handle;
use uuid::Uuid;

use super::host_key::HostKey;
use super::users::{Person, Users};
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

    /// The people who are wanted. The module takes those who are missing in the answer for unknown.
    ///
    /// # Errors
    /// Those of the host.
    fn find(
        &self,
        connection: &mut DbConnection,
        wanted: Wanted<Self::Key>,
    ) -> Result<Vec<Account<Self::Key>>>;
}

/// The people of a host who are found asynchronously, because they are behind HTTP. A connection to the database is held
/// meanwhile, so the host should answer quickly, from a cache where it can, and bound its own time.
pub struct Remote<K, F> {
    find: F,
    key: std::marker::PhantomData<fn() -> K>,
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
        Self { find, key: std::marker::PhantomData }
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
        // The module asks on threads where blocking is allowed.
        let runtime = Handle::try_current().map_err(Error::internal)?;
        runtime.block_on((self.find)(wanted))
    }
}

/// People as the module asks for them: by UUIDs.
pub struct ByKey<P>(pub P);

impl<P: People> ByKey<P> {
    fn by_keys(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Account<P::Key>>> {
        let keys: Vec<P::Key> = ids.iter().filter_map(|id| P::Key::of_id(*id)).collect();
        if keys.is_empty() { Ok(Vec::new()) } else { self.0.find(connection, Wanted::Keys(keys)) }
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
        let found = self.0.find(connection, Wanted::Username(username.to_owned()))?;
        Ok(people(found)?.pop())
    }

    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
        let found = self.by_keys(connection, ids)?;
        found.into_iter().map(|account| Ok((account.key.id()?, account.rights))).collect()
    }

    fn page(&self, connection: &mut DbConnection, after: Option<Uuid>, limit: usize) -> Result<Vec<Person>> {
        let after = after.and_then(P::Key::of_id);
        people(self.0.find(connection, Wanted::Page { after, limit })?)
    }
}
