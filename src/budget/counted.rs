//! How many hold something at present, by key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many hold something at present, by key.
pub struct Counted<K: Hash + Eq> {
    held: Arc<Mutex<HashMap<K, usize>>>,
}

/// Counts until it is dropped.
pub struct Held<K: Hash + Eq> {
    counted: Counted<K>,
    key: K,
}

impl<K: Hash + Eq + Clone> Counted<K> {
    /// One more for this key; none if there are as many as may be.
    pub fn take(&self, key: K, most: usize) -> Option<Held<K>> {
        let mut held = self.lock();
        let count = held.get(&key).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        held.insert(key.clone(), count + 1);
        drop(held);
        Some(Held { counted: self.clone(), key })
    }

    /// How many there are of this key.
    pub fn of(&self, key: &K) -> usize {
        self.lock().get(key).copied().unwrap_or_default()
    }

    /// The keys of which there are any.
    pub fn keys(&self) -> Vec<K> {
        self.lock().keys().cloned().collect()
    }

    /// How many there are of all keys.
    #[cfg(all(test, feature = "server"))]
    pub fn all(&self) -> usize {
        self.lock().values().sum()
    }
}

impl<K: Hash + Eq> Counted<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "server")]
impl<K: Hash + Eq> Held<K> {
    /// What is held.
    pub const fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Hash + Eq> Drop for Held<K> {
    fn drop(&mut self) {
        let mut held = self.counted.lock();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

impl<K: Hash + Eq> Default for Counted<K> {
    fn default() -> Self {
        Self { held: Arc::default() }
    }
}

impl<K: Hash + Eq> Clone for Counted<K> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held) }
    }
}
