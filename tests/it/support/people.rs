//! The users of a host, who are in no database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use tasks_management::{DbConnection, Person, Result, Rights, Users};
use uuid::Uuid;

/// Executors may see and change tasks.
pub const EXECUTOR: [i32; 2] = [191_001, 191_003];
/// Makers may create and see them.
pub const MAKER: [i32; 2] = [191_002, 191_005];

/// The users of a host. Clones are the same host.
#[derive(Clone, Default)]
pub struct People {
    known: Arc<Mutex<BTreeMap<Uuid, (Person, Rights)>>>,
    /// How many keys each look-up asked for.
    pub asked: Arc<Mutex<Vec<usize>>>,
}

impl People {
    /// `root`, who may do everything, `maker`, `ada` and `ben`, who decide.
    pub fn usual() -> Self {
        let people = Self::default();
        people.add(1, "root", Rights { is_superuser: true, ..Rights::default() });
        people.add(2, "maker", Rights { numbers: BTreeSet::from(MAKER), ..Rights::default() });
        people.add(3, "ada", Rights { numbers: BTreeSet::from(EXECUTOR), ..Rights::default() });
        people.add(4, "ben", Rights { numbers: BTreeSet::from(EXECUTOR), ..Rights::default() });
        people
    }

    /// Adds somebody; returns the key.
    pub fn add(&self, number: u128, username: &str, rights: Rights) -> Uuid {
        let id = Uuid::from_u128(0xA000_0000_0000_4000_8000_0000_0000_0000 + number);
        self.known().insert(id, (Person::new(id, username), rights));
        id
    }

    /// The key of somebody.
    pub fn id(&self, username: &str) -> Uuid {
        let known = self.known();
        let found = known.values().find(|(person, _)| person.username == username);
        found.unwrap_or_else(|| panic!("the host does not know {username}")).0.id
    }

    /// Changes somebody.
    pub fn change(&self, id: Uuid, change: impl FnOnce(&mut Person, &mut Rights)) {
        let mut known = self.known();
        let (person, rights) = known.get_mut(&id).expect("the host knows the person");
        change(person, rights);
    }

    /// Forgets somebody.
    pub fn remove(&self, id: Uuid) {
        self.known().remove(&id);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Uuid, (Person, Rights)>> {
        self.known.lock().expect("nobody panicked")
    }
}

impl Users for People {
    fn by_ids(&self, _: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Person>> {
        self.asked.lock().expect("nobody panicked").push(ids.len());
        let known = self.known();
        Ok(ids.iter().filter_map(|id| known.get(id)).map(|(person, _)| person.clone()).collect())
    }

    fn by_username(&self, _: &mut DbConnection, username: &str) -> Result<Option<Person>> {
        Ok(self
            .known()
            .values()
            .map(|(person, _)| person)
            .find(|person| person.username == username)
            .cloned())
    }

    fn rights(&self, _: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
        let known = self.known();
        Ok(ids.iter().filter_map(|id| Some((*id, known.get(id)?.1.clone()))).collect())
    }

    fn page(&self, _: &mut DbConnection, after: Option<Uuid>, limit: usize) -> Result<Vec<Person>> {
        let known = self.known();
        let later = known.values().map(|(person, _)| person).filter(|person| Some(person.id) > after);
        Ok(later.take(limit).cloned().collect())
    }
}
