//! What a session of the pool was set to before transactional activities used it, and the limits of those.
//!
//! Their bodies may set anything. What they leave behind is taken back: all settings, and then those
//! are made again that were there before, by a hook of the application's pool for one.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, StatementCache};
use tokio_postgres::Row;

use crate::error::Fault;
use crate::link::Link;
use crate::names::Names;
use crate::sql::{OWN_LIMITS, OWN_SETTINGS, RESTORE_SETTINGS};

/// Of each connection that has been used. One is known by its cache of statements.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<(Weak<StatementCache>, Arc<Settings>)>>);

/// Settings by name.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    names: Vec<String>,
    values: Vec<String>,
    pub(crate) limits: Limits,
    /// The number of the first request since the session is known. It has not broken since, so the server
    /// has lost nothing of what was acknowledged later.
    pub(crate) since: i64,
}

/// How long a session lets a statement take, and a transaction between two, as it was made. A server that is
/// given other defaults later is asked again on its next connection.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Limits {
    statement: Option<i64>,
    idle: Option<i64>,
    /// Whether its server can notice a closed connection while a statement waits.
    notices: bool,
}

impl Limits {
    /// Of the session that the link leads to at the moment.
    pub(crate) async fn of(link: Link<'_>) -> Result<Self, Fault> {
        let rows = link.query(OWN_LIMITS, &[]).await?;
        let limits = rows.first().map(|row| {
            let set = |column: &str| row.get::<_, Option<i64>>(column).filter(|limit| *limit > 0);
            Self { statement: set("statement"), idle: set("idle"), notices: row.get("notices") }
        });
        Ok(limits.unwrap_or_default())
    }

    /// No longer than that: the parameters of `enter_activity` behind the key. What the application has
    /// set and is shorter stays.
    pub(crate) fn at_most(self, limit: Duration) -> [String; 3] {
        let limit = i64::from(i32::try_from(limit.as_millis()).unwrap_or(i32::MAX));
        let shorter = |own: Option<i64>| own.map_or(limit, |own| own.min(limit)).to_string();
        let looks = if self.notices { "2s" } else { "0" };
        [shorter(self.statement), shorter(self.idle), looks.to_owned()]
    }
}

impl Sessions {
    /// Asked of the server once per connection.
    pub(crate) async fn of(
        &self,
        client: &ClientWrapper,
        next_request: impl FnOnce() -> i64,
    ) -> Result<Arc<Settings>, Fault> {
        let cache = &client.statement_cache;
        let known = self.with(|all| {
            let known = all.iter().find(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(cache)));
            known.map(|(_, settings)| Arc::clone(settings))
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let link = Link::foreign(client, Names::default(), Some(cache));
        let limits = Limits::of(link).await?;
        let rows = link.query(OWN_SETTINGS, &[]).await?;
        let column = |name: &str| rows.iter().map(|row: &Row| row.get(name)).collect();
        let (names, values) = (column("name"), column("setting"));
        let since = next_request();
        let found = Arc::new(Settings { names, values, limits, since });
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
