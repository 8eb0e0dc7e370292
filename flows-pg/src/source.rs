//! Where connections come from: the pool that clients and activities share, and beside it the
//! connections that the store opens for itself.
//!
//! Those beside the pool are made as the pool makes its own, unless the application has said how.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Manager as _;
use deadpool_postgres::{ClientWrapper, Manager, Pool};
use tokio::sync::OnceCell;
use tokio_postgres::Client;

use crate::connect::wire::{Opens, Wire};
use crate::connect::{OPEN, manager};
use crate::error::{Fault, PgError};
use crate::names::Names;
use crate::pooler::{self, PoolMode};

/// The pool, and the way to connections beside it.
pub(crate) struct Source {
    pub(crate) pool: Pool,
    /// What opens a connection whose notifications can be heard; a pool keeps those to itself.
    opens: Option<Arc<dyn Opens>>,
    /// Connections beside a pool that connects in another way.
    own: Option<Manager>,
    names: Names,
    /// What the pool's connections keep, and those beside it; asked once.
    modes: [OnceCell<PoolMode>; 2],
}

impl Source {
    /// A pool that connects in that way itself, if one is given.
    pub(crate) fn new(pool: Pool, opens: Option<Arc<dyn Opens>>, names: Names) -> Arc<Self> {
        Arc::new(Self { pool, opens, own: None, names, modes: Default::default() })
    }

    /// The application's pool for clients and activities; that way for everything beside it.
    pub(crate) fn beside_pool(pool: Pool, opens: Arc<dyn Opens>, names: Names) -> Arc<Self> {
        let own = Some(manager(&opens));
        Arc::new(Self { pool, opens: Some(opens), own, names, modes: Default::default() })
    }

    /// Whether connections beside the pool are made as the pool makes its own.
    pub(crate) fn is_made_by_pool(&self) -> bool {
        self.own.is_none()
    }

    /// Whether the pool has no hooks, because the application has not made it.
    pub(crate) fn has_plain_pool(&self) -> bool {
        self.opens.is_some() && self.own.is_none()
    }

    /// Opens a first connection of each kind.
    pub(crate) async fn try_out(&self) -> Result<(), Fault> {
        drop(self.pool.get().await?);
        if self.own.is_some() {
            drop(self.open().await?);
        }
        Ok(())
    }

    /// A connection beside the pool, which the pool neither counts nor waits for.
    pub(crate) async fn open(&self) -> Result<ClientWrapper, PgError> {
        let manager = self.manager();
        let mut client = manager.create().await?;
        manager.detach(&mut client);
        Ok(client)
    }

    /// How long it may take to open one, and to prepare it.
    pub(crate) fn limit(&self) -> Duration {
        let limit = match &self.opens {
            Some(opens) if self.own.is_some() => Some(opens.limit()),
            _ => self.pool.timeouts().create,
        };
        limit.unwrap_or(OPEN)
    }

    /// What connections of the pool keep, of which this is one.
    pub(crate) async fn pool_mode(&self, client: &Client) -> Result<PoolMode, Fault> {
        let ask = || pooler::mode(client, self.pool.manager());
        self.modes[0].get_or_try_init(ask).await.copied()
    }

    /// What connections beside the pool keep, of which this is one.
    pub(crate) async fn own_mode(&self, client: &Client) -> Result<PoolMode, Fault> {
        match &self.own {
            Some(own) => self.modes[1].get_or_try_init(|| pooler::mode(client, own)).await.copied(),
            None => self.pool_mode(client).await,
        }
    }

    /// The names of the schema.
    pub(crate) fn names(&self) -> Names {
        self.names
    }

    fn manager(&self) -> &Manager {
        self.own.as_ref().unwrap_or_else(|| self.pool.manager())
    }

    /// Whether there is a way to hear notifications.
    pub(crate) fn can_listen(&self) -> bool {
        self.opens.is_some()
    }

    /// A connection whose notifications can be heard.
    pub(crate) async fn open_to_listen(&self) -> Option<Result<(Client, Wire), PgError>> {
        match &self.opens {
            Some(opens) => Some(opens.open().await),
            None => None,
        }
    }
}
