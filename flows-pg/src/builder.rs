//! `Engine::builder`: how an engine connects, and what it uses.

use deadpool_postgres::Pool;
use flows_core::Result;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use crate::ways::Ways;
use crate::{Engine, PgStore};

/// How an engine is made. [`Engine::builder`] begins one, [`EngineBuilder::connect`] ends it.
///
/// ```no_run
/// # async fn example(pool: flows_pg::deadpool_postgres::Pool) -> flows_core::Result<()> {
/// use flows_pg::Engine;
///
/// // the application's pool for everything that clients and activities do, and connections of its own
/// // for workers and notifications
/// let engine = Engine::builder().pool(pool).url("postgres://app@db/app?sslmode=verify-full");
/// let engine = engine.connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "an engine is made by `connect`"]
pub struct EngineBuilder {
    ways: Ways,
}

impl EngineBuilder {
    /// The database, as for [`Engine::connect`]. With a [`pool`](Self::pool), the engine uses it for
    /// the connections that it opens beside the pool: those of workers, and the one that hears
    /// notifications.
    pub fn url(mut self, url: &str) -> Self {
        self.ways.url(url);
        self
    }

    /// The application's pool, which calls of clients and transactional activities use.
    ///
    /// Without [`url`](Self::url) or [`connector`](Self::connector), the connections beside it are made
    /// as its manager makes them, and notifications are not heard.
    pub fn pool(mut self, pool: Pool) -> Self {
        self.ways.pool(pool);
        self
    }

    /// The database, with a TLS connector of your choice; in the place of [`url`](Self::url).
    pub fn connector<T>(mut self, config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        self.ways.connector(config, tls);
        self
    }

    /// The schema to work in, `flows` by default: services of one database that use different ones do
    /// not see each other. Its roles are called after it, `<schema>_tenant` and `<schema>_worker`.
    pub fn schema(mut self, schema: &str) -> Self {
        self.ways.schema(schema);
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Engine::connect`]; also when neither a URL nor a connector nor a pool was given, or the
    /// schema's name is not a plain one.
    pub async fn connect(self) -> Result<Engine> {
        Ok(Engine::on(PgStore::new(self.ways.connect().await?)))
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder").finish_non_exhaustive()
    }
}
