//! A connection to one of the databases, whoever it belongs to.

use std::any::Any;
use std::ops::{Deref, DerefMut};

use diesel::backend::Backend;
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, Instrumentation, LoadConnection, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::internal::derives::multiconnection::{ConnectionSealed, MultiConnectionHelper};
use diesel::migration::MigrationConnection;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::{ConnectionManager, PooledConnection, R2D2Connection};
use diesel::sql_types::TypeMetadata;
use diesel::{ConnectionResult, QueryResult};

/// A connection of the module's own, or one that a host's pool has lent. Either is used as the connection itself.
pub enum Link<C: R2D2Connection + 'static> {
    /// The module's own. It is boxed, so that it takes no more room than one that is lent.
    Own(Box<C>),
    /// Lent; it goes back to the pool when it is dropped.
    Lent(PooledConnection<ConnectionManager<C>>),
}

impl<C: R2D2Connection + 'static> From<C> for Link<C> {
    fn from(connection: C) -> Self {
        Self::Own(Box::new(connection))
    }
}

impl<C: R2D2Connection + 'static> Deref for Link<C> {
    type Target = C;

    fn deref(&self) -> &C {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(connection) => connection,
        }
    }
}

impl<C: R2D2Connection + 'static> DerefMut for Link<C> {
    fn deref_mut(&mut self) -> &mut C {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(connection) => connection,
        }
    }
}

// What follows hands everything on to the connection itself, as diesel's `MultiConnection` wants connections for its variants.

impl<C: R2D2Connection + 'static> SimpleConnection for Link<C> {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        (**self).batch_execute(query)
    }
}

impl<C: R2D2Connection + 'static> ConnectionSealed for Link<C> {}

impl<C> Connection for Link<C>
where
    C: R2D2Connection + Connection<TransactionManager = AnsiTransactionManager> + 'static,
{
    type Backend = C::Backend;
    type TransactionManager = AnsiTransactionManager;

    fn establish(url: &str) -> ConnectionResult<Self> {
        C::establish(url).map(Self::from)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        (**self).execute_returning_count(source)
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        (**self).transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        (**self).instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        (**self).set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        (**self).set_prepared_statement_cache_size(size);
    }
}

impl<C> LoadConnection for Link<C>
where
    C: R2D2Connection + LoadConnection + Connection<TransactionManager = AnsiTransactionManager> + 'static,
{
    type Cursor<'conn, 'query> = C::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = C::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        (**self).load(source)
    }
}

impl<C> R2D2Connection for Link<C>
where
    C: R2D2Connection + Connection<TransactionManager = AnsiTransactionManager> + 'static,
{
    fn ping(&mut self) -> QueryResult<()> {
        (**self).ping()
    }

    fn is_broken(&mut self) -> bool {
        (**self).is_broken()
    }
}

impl<C> MigrationConnection for Link<C>
where
    C: R2D2Connection
        + MigrationConnection
        + Connection<TransactionManager = AnsiTransactionManager>
        + 'static,
{
    fn setup(&mut self) -> QueryResult<usize> {
        (**self).setup()
    }
}

impl<C> MultiConnectionHelper for Link<C>
where
    C: R2D2Connection
        + MultiConnectionHelper
        + Connection<TransactionManager = AnsiTransactionManager>
        + 'static,
    C::Backend: Backend,
{
    fn to_any<'a>(lookup: &mut <C::Backend as TypeMetadata>::MetadataLookup) -> &mut (dyn Any + 'a) {
        C::to_any(lookup)
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut <C::Backend as TypeMetadata>::MetadataLookup> {
        C::from_any(lookup)
    }
}
