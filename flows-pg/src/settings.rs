//! What a session of the pool was set to before transactional activities used it.
//!
//! Their bodies may set anything. What they leave behind is taken back: all settings, and then those
//! are made again that were there before, by a hook of the application's pool for one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use deadpool_postgres::{ClientWrapper, StatementCache};
use tokio_postgres::Row;

use crate::error::Fault;
use crate::link::Link;
use crate::names::Names;
use crate::sql::{OWN_SETTINGS, RESTORE_SETTINGS};

/// Of each connection that has been used. One is known by its cache of statements.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<(Weak<StatementCache>, Arc<Settings>)>>);

/// Settings by name.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    names: Vec<String>,
    values: Vec<String>,
}

impl Sessions {
    /// Asked of the server once per connection.
    pub(crate) async fn of(&self, client: &ClientWrapper) -> Result<Arc<Settings>, Fault> {
        let cache = &client.statement_cache;
        let known = self.with(|all| {
            let known = all.iter().find(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(cache)));
            known.map(|(_, settings)| Arc::clone(settings))
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let rows =
            Link::foreign(client, Names::default(), Some(cache)).query(OWN_SETTINGS, &[]).await?;
        let column = |name: &str| rows.iter().map(|row: &Row| row.get(name)).collect();
        let found = Arc::new(Settings { names: column("name"), values: column("setting") });
        self.with(|all| {
            all.retain(|(of, _)| of.strong_count() > 0);
            all.push((Arc::downgrade(cache), Arc::clone(&found)));
        });
        Ok(found)
    }

    fn with<T>(
        &self,
        look: impl FnOnce(&mut Vec<(Weak<StatementCache>, Arc<Settings>)>) -> T,
    ) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Settings {
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Makes them again.
    pub(crate) async fn restore(&self, client: &ClientWrapper) -> Result<(), Fault> {
        let link = Link::foreign(client, Names::default(), Some(&client.statement_cache));
        link.query(RESTORE_SETTINGS, &[&self.names, &self.values]).await?;
        Ok(())
    }
}
