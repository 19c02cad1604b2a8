//! The people of a host.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use uuid::Uuid;

use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::error::Result;

/// A person as the host knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The key, by which tasks, executors and votes point to the person. It never changes.
    pub id: Uuid,
    /// The name to log in with, unique, at most 255 characters.
    pub username: String,
    /// Family name.
    pub last_name: String,
    /// Given names.
    pub other_names: String,
    /// E-mail address; shown to the person and to those who may list users.
    pub email: Option<String>,
    /// Telephone number; shown to the same people.
    pub phone: Option<String>,
    /// Code of the language the person reads. If the module does not have that language, messages are in English.
    pub language: String,
    /// Whether the person may make requests and become an executor.
    pub is_active: bool,
}

impl Person {
    /// An active person with this key and name, who reads English.
    #[must_use]
    pub fn new(id: Uuid, username: impl Into<String>) -> Self {
        Self {
            id,
            username: username.into(),
            last_name: String::new(),
            other_names: String::new(),
            email: None,
            phone: None,
            language: "en".to_owned(),
            is_active: true,
        }
    }
}

/// What a host does before it is asked.
pub type Ahead<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A host's users and their rights, in place of the module's own. The module asks the host, always for several people at
/// once. It keeps a copy of each person in `core_user`, so that lists can be filtered and sorted by names, and history shows
/// people who are gone at the host.
///
/// The methods are called on threads where blocking is allowed. `connection` is the module's database, where the host may
/// have its tables; at times a transaction is open on it. Errors reach the caller with their code and message.
///
/// ```
/// use std::collections::HashMap;
/// use tasks_management::{Builder, DbConnection, Person, Result, Rights, Settings, Users};
/// use uuid::Uuid;
///
/// /// One person, who may do everything.
/// struct OnlyAda;
///
/// const ADA: Uuid = Uuid::from_u128(1);
///
/// impl Users for OnlyAda {
///     fn by_ids(&self, _: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Person>> {
///         Ok(ids.iter().filter(|id| **id == ADA).map(|id| Person::new(*id, "ada")).collect())
///     }
///
///     fn by_username(&self, _: &mut DbConnection, username: &str) -> Result<Option<Person>> {
///         Ok((username == "ada").then(|| Person::new(ADA, "ada")))
///     }
///
///     fn rights(&self, _: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
///         let everything = Rights { is_superuser: true, ..Rights::default() };
///         Ok(ids.iter().filter(|id| **id == ADA).map(|id| (*id, everything.clone())).collect())
///     }
///
///     fn page(&self, _: &mut DbConnection, after: Option<Uuid>, _: usize) -> Result<Vec<Person>> {
///         Ok(if after.is_none() { vec![Person::new(ADA, "ada")] } else { Vec::new() })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let file = std::env::temp_dir().join(format!("users-{}.db", Uuid::new_v4()));
/// # let mut settings = Settings::default();
/// # settings.database.url = format!("sqlite://{}", file.display());
/// let module = Builder::new(settings).users(OnlyAda).build()?;
/// module.migrate().await?;
/// assert_eq!(module.requester_by_id(ADA).await?.user.username, "ada");
/// assert!(module.requester("ben").await.is_err());
/// # Ok(())
/// # }
/// ```
pub trait Users: Send + Sync + 'static {
    /// The people with these keys, active or not, in any order. The module takes keys that are missing in the answer for
    /// unknown, and leaves other people alone.
    ///
    /// # Errors
    /// Those of the host.
    fn by_ids(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Person>>;

    /// The person of this name, active or not.
    ///
    /// # Errors
    /// Those of the host.
    fn by_username(&self, connection: &mut DbConnection, username: &str) -> Result<Option<Person>>;

    /// The present rights of these people. A person who is missing in the answer has none.
    ///
    /// # Errors
    /// Those of the host.
    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>>;

    /// A page of all people, in the order of their keys: at most `limit` of those after `after`. The workers read all pages
    /// every ten minutes, so that pickers offer people who have never used the module.
    ///
    /// # Errors
    /// Those of the host.
    fn page(&self, connection: &mut DbConnection, after: Option<Uuid>, limit: usize) -> Result<Vec<Person>>;

    /// The module is about to ask for these people, and holds no connection to its database yet. A host that has to wait for
    /// the answer asks for it here, and keeps it until then. By default nothing is done.
    ///
    /// # Errors
    /// Those of the host.
    fn ahead<'a>(&'a self, ids: &'a [Uuid]) -> Ahead<'a> {
        let _ = ids;
        Box::pin(std::future::ready(Ok(())))
    }
}
