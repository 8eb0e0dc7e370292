//! `Engine::builder`: how an engine connects, and what it uses.

use std::sync::Arc;

use deadpool_postgres::Pool;
use flows_core::TracePropagator;
use flows_core::codec::{ObjectStore, Objects, PayloadCodec};
use flows_core::engine::{ClientLayer, EngineOptions};
use flows_core::error::{Error, Result};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use crate::connect::wire::{GivenConnector, Opens};
use crate::connect::{pool, way, wrong};
use crate::error::Fault;
use crate::names::Names;
use crate::source::Source;
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
    url: Option<String>,
    given: Option<Arc<dyn Opens>>,
    pool: Option<Pool>,
    schema: Option<String>,
    options: EngineOptions,
}

impl EngineBuilder {
    /// The database, as for [`Engine::connect`]. With a [`pool`](Self::pool), the engine uses it for
    /// the connections that it opens beside the pool: those of workers, and the one that hears
    /// notifications.
    pub fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// The application's pool, which calls of clients and transactional activities use.
    ///
    /// Without [`url`](Self::url) or [`connector`](Self::connector), the connections beside it are made
    /// as its manager makes them, and notifications are not heard.
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
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
        self.given = Some(Arc::new(GivenConnector { config, tls }));
        self
    }

    /// The schema to work in, `flows` by default: services of one database that use different ones do
    /// not see each other. Its roles are called after it, `<schema>_tenant` and `<schema>_worker`.
    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = Some(schema.to_owned());
        self
    }

    /// Encodes everything that the application gives to be stored: inputs, outputs, errors, signals, queries, items
    /// of streams and the journals. Called again, it adds a codec that encodes what the one before has made.
    pub fn payload_codec(mut self, codec: impl PayloadCodec) -> Self {
        self.options.codecs.push(Arc::new(codec));
        self
    }

    /// Puts values that would be stored as more than `above` bytes into an object store, and their names into the
    /// database: inputs, outputs, signals, queries, items of streams and rows of the journal, behind the
    /// [codecs](Self::payload_codec). All clients and workers must have the same store.
    pub fn payload_store(mut self, store: impl ObjectStore, above: usize) -> Self {
        self.options.objects = Some(Objects::new(store, above));
        self
    }

    /// Puts a [layer](ClientLayer) around the calls of clients, inside of those that were added before.
    pub fn client_layer(mut self, layer: impl ClientLayer) -> Self {
        self.options.layers.push(layer);
        self
    }

    /// Carries traces in headers: from a caller's span to the spans of its run, and of everything that the run causes.
    pub fn trace_propagator(mut self, propagator: impl TracePropagator) -> Self {
        self.options.propagator = Some(Arc::new(propagator));
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Engine::connect`]; also when neither a URL nor a connector nor a pool was given, or the
    /// schema's name is not a plain one.
    pub async fn connect(mut self) -> Result<Engine> {
        let options = std::mem::take(&mut self.options);
        Ok(Engine::on(PgStore::new(self.source().await?), options))
    }

    /// Opens a first connection of each kind, so that what is wrong is said now.
    async fn source(self) -> Result<Arc<Source>> {
        let names = self.schema.as_deref().map_or(Ok(Names::default()), Names::of)?;
        let (opens, servers) = match (self.given, &self.url) {
            (Some(_), Some(_)) => {
                return Err(wrong("an engine has a URL or a connector, not both"));
            }
            (Some(given), None) => (Some(given), String::new()),
            (None, Some(url)) => {
                let (opens, servers) = way(url)?;
                (Some(opens), servers)
            }
            (None, None) => (None, String::new()),
        };
        let source = match (self.pool, opens) {
            (Some(pool), Some(opens)) => Source::beside_pool(pool, opens, names),
            (Some(pool), None) => Source::new(pool, None, names),
            (None, Some(opens)) => Source::new(pool(&opens)?, Some(opens), names),
            (None, None) => {
                return Err(wrong("an engine needs a URL, a pool or a connector"));
            }
        };
        source.try_out().await.map_err(|fault| said(&servers, fault))?;
        Ok(source)
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder").finish_non_exhaustive()
    }
}

impl PgStore {
    /// Connects to `postgres://user:password@host:port/database`, or to a `key=value` string, and
    /// fails at once if there is no server.
    pub async fn connect(url: &str) -> Result<Self> {
        Ok(Self::new(EngineBuilder::default().url(url).source().await?))
    }

    /// Uses the application's pool. A process that runs workers opens six connections beside it, as
    /// its manager makes them, without its hooks; it does not listen to other processes, so that
    /// workers and waiters poll for what those do.
    pub fn from_pool(pool: Pool) -> Self {
        Self::new(Source::new(pool, None, Names::default()))
    }
}

/// Says which server it was.
fn said(servers: &str, fault: Fault) -> Error {
    let error = fault.at_first();
    let message = format!("cannot connect to PostgreSQL{servers}: {error}");
    error.with_message(message)
}
