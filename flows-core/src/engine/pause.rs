//! Pausing and resuming: a queue, a workflow, everything.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Engine, Inner};
use crate::error::{Error, Result, storable};
use crate::limits::check_name;
use crate::payload::check_size;
use crate::store::{NewPause, PauseRow, PauseScope};

/// Something that is paused; see [`Engine::pauses`].
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What is paused.
    pub scope: PauseScope,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who paused it.
    pub author: Option<String>,
    /// Since when.
    pub since: SystemTime,
}

impl From<PauseRow> for Pause {
    fn from(row: PauseRow) -> Self {
        let PauseRow { scope, reason, author, since } = row;
        Self { scope, reason, author, since: since.into() }
    }
}

impl std::fmt::Display for Pause {
    /// `queue orders is paused since … by ann: why`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = humantime::format_rfc3339_seconds(self.since);
        write!(f, "{} is paused since {since}", self.scope)?;
        self.author.iter().try_for_each(|author| write!(f, " by {author}"))?;
        self.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
    }
}

/// Pauses something when awaited: `true` if it was not paused before.
#[must_use = "nothing is paused unless this is awaited"]
pub struct PauseCall {
    inner: Arc<Inner>,
    pause: NewPause,
}

impl PauseCall {
    /// Why, for the people who find it paused. Default: no reason.
    pub fn reason(mut self, why: impl Into<String>) -> Self {
        self.pause.reason = Some(why.into());
        self
    }

    /// Who pauses it. Default: nobody is named.
    pub fn author(mut self, name: impl Into<String>) -> Self {
        self.pause.author = Some(name.into());
        self
    }

    async fn run(self) -> Result<bool> {
        let Self { inner, mut pause } = self;
        check(&pause.scope)?;
        for (text, what) in [(&mut pause.reason, "reason"), (&mut pause.author, "author")] {
            let Some(text) = text else { continue };
            check_size(text.len(), inner.payload_limit(), || format!("{what} of a pause"))?;
            *text = storable(std::mem::take(text));
        }
        let is_new = inner.store.pause(&pause).await?;
        inner.hints.unsure(); // every worker looks
        Ok(is_new)
    }
}

impl IntoFuture for PauseCall {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Engine {
    /// Pauses a queue, a workflow or everything, in all tenants. Await it: `true` if it was not paused before. Of
    /// what is paused already, reason and author are replaced.
    ///
    /// Starts, signals and cancellations are accepted as before, and wait. Workers in all processes hear of it at once
    /// or, where notifications do not reach them, within their poll interval. They claim nothing that is paused. What
    /// they run already may end: the turn that is being made, and the attempts of activities, whose results are
    /// recorded. No other attempt, timer or message follows before the resume. Time limits go on: a run whose own
    /// `timeout` passes meanwhile ends when it is resumed.
    ///
    /// It is for operators: the role that connects must be able to become the role of workers.
    ///
    /// ```
    /// # async fn down(engine: flows_core::Engine) -> flows_core::Result<()> {
    /// use flows_core::store::PauseScope;
    ///
    /// let payments = PauseScope::queue("payments");
    /// engine.pause(payments.clone()).reason("the provider is down").author("ann").await?;
    /// for pause in engine.pauses().await? {
    ///     println!("{pause}"); // queue `payments` is paused since 2026-12-01T03:00:00Z by ann: the provider is down
    /// }
    /// engine.resume(payments).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a name is empty or too long, the role may not do it, or the database cannot be reached.
    pub fn pause(&self, scope: PauseScope) -> PauseCall {
        let pause = NewPause { scope, reason: None, author: None };
        PauseCall { inner: Arc::clone(&self.tenant.inner), pause }
    }

    /// Ends a [pause](Self::pause): `false` if there was none. What is paused in another way too, such as a workflow of
    /// a queue that is paused itself, stays so.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub async fn resume(&self, scope: PauseScope) -> Result<bool> {
        check(&scope)?;
        let inner = &self.tenant.inner;
        let was_paused = inner.store.resume(&scope).await?;
        inner.hints.unsure();
        Ok(was_paused)
    }

    /// What is paused, the longest first.
    ///
    /// # Errors
    /// When the role may not read it, or the database cannot be reached.
    pub async fn pauses(&self) -> Result<Vec<Pause>> {
        let pauses = self.tenant.inner.store.pauses().await?;
        Ok(pauses.into_iter().map(Pause::from).collect())
    }
}

fn check(scope: &PauseScope) -> Result<()> {
    let (queue, workflow, _) = scope.parts();
    for (what, name) in [("queue", queue), ("workflow", workflow)] {
        let Some(name) = name else { continue };
        if name.is_empty() {
            return Err(Error::invalid(format!(
                "the {what} to pause has no name; `PauseScope::Everything` is all of them"
            )));
        }
        check_name(what, name)?;
    }
    Ok(())
}
