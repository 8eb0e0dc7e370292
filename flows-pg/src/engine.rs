//! The engine on PostgreSQL: how an application connects, and its schema.

use std::sync::Arc;

use deadpool_postgres::Pool;
use flows_core::engine::{EngineOptions, Pause, PauseCall};
use flows_core::store::PauseScope;
use flows_core::{Result, Tenant};
use uuid::Uuid;

use crate::{EngineBuilder, PgStore};

/// Connects a program to the runs in a PostgreSQL database: starts, signals and inspects them. Cheap
/// to clone.
#[cfg_attr(not(doctest), doc = include_str!("docs/engine.md"))]
#[derive(Clone)]
pub struct Engine {
    core: flows_core::Engine,
    /// None on the store in memory.
    store: Option<Arc<PgStore>>,
}

impl Engine {
    /// Connects to a database: `postgres://user:password@host/database`, or key=value pairs, with the
    /// settings, variables and files of libpq (`sslmode`, `target_session_attrs`, `PGHOST`,
    /// `~/.pgpass` …).
    ///
    /// # Errors
    /// When the string is malformed, or no server answers that is what it asks for; the error says
    /// what to do, and never repeats the string.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().url(url).connect().await
    }

    /// Uses the application's own pool: with TLS, through a proxy, as its manager connects.
    ///
    /// Such an engine hears no notifications, so its workers look for work at intervals;
    /// [`Engine::builder`] makes one that does.
    pub fn from_pool(pool: Pool) -> Self {
        Self::on(PgStore::from_pool(pool), EngineOptions::default())
    }

    /// An engine with settings.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    pub(crate) fn on(store: PgStore, options: EngineOptions) -> Self {
        let store = Arc::new(store);
        let core = flows_core::Engine::with_options(Arc::clone(&store) as _, options);
        Self { core, store: Some(store) }
    }

    /// An engine on a store in this process, for tests and experiments: its runs end with it.
    pub fn in_memory() -> Self {
        let store = flows_core::memory::MemoryStore::new();
        Self { core: flows_core::Engine::new(Arc::new(store)), store: None }
    }

    flows_core::default_tenant_methods!(|engine| engine.core);

    /// The engine for one tenant: its runs, and no others.
    pub fn tenant(&self, id: impl Into<Uuid>) -> Tenant {
        self.core.tenant(id)
    }

    /// Pauses a queue, a workflow or everything, in all tenants; see [`flows_core::Engine::pause`].
    pub fn pause(&self, scope: PauseScope) -> PauseCall {
        self.core.pause(scope)
    }

    /// Ends a pause: `false` if there was none; see [`flows_core::Engine::resume`].
    ///
    /// # Errors
    /// When a name is empty or too long, the role may not do it, or the database cannot be reached.
    pub async fn resume(&self, scope: PauseScope) -> Result<bool> {
        self.core.resume(scope).await
    }

    /// What is paused, the longest first; see [`flows_core::Engine::pauses`].
    ///
    /// # Errors
    /// When the role may not read it, or the database cannot be reached.
    pub async fn pauses(&self) -> Result<Vec<Pause>> {
        self.core.pauses().await
    }

    /// Sets the largest payload in bytes that is accepted from here on; see
    /// [`flows_core::Engine::set_payload_limit`].
    ///
    /// # Errors
    /// When no payload can be so large.
    pub fn set_payload_limit(&self, bytes: usize) -> Result<()> {
        self.core.set_payload_limit(bytes)
    }

    /// Brings the schema `flows` up to this build. Idempotent; several may race. In memory, there is
    /// nothing to do.
    ///
    /// # Errors
    /// When the schema is newer than the build, or the role may not create it; the error says
    /// what to do.
    pub async fn migrate(&self) -> Result<()> {
        match &self.store {
            Some(store) => store.migrate().await,
            None => Ok(()),
        }
    }

    /// The SQL that [`Engine::migrate`] runs on an empty database, for review.
    pub fn migration_sql() -> String {
        PgStore::migration_sql()
    }

    /// The same for a schema of another name; see [`EngineBuilder::schema`].
    ///
    /// # Errors
    /// It cannot be the name of a schema.
    pub fn migration_sql_for(schema: &str) -> Result<String> {
        PgStore::migration_sql_for(schema)
    }

    /// The store, unless it is the one in memory; for tests and tools.
    #[doc(hidden)]
    pub fn store(&self) -> Option<&PgStore> {
        self.store.as_deref()
    }
}

impl From<Engine> for flows_core::Engine {
    fn from(engine: Engine) -> Self {
        engine.core
    }
}

impl From<&Engine> for flows_core::Engine {
    fn from(engine: &Engine) -> Self {
        engine.core.clone()
    }
}
