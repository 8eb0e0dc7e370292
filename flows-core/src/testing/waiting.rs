//! How a test waits for the end of a run: no polling, and no waiting for what cannot come.
//!
//! A run that is stuck is an error at once. So is one that nothing can move: nobody mends a build or
//! sends a forgotten signal while a test waits.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::kit::Kit;
use crate::engine::{Description, Waiting};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::store::{
    ListFilter, Outcome, Placement, RunStatus, RunView, Store, UpdateState, list_all, no_such_run,
};

/// How long nothing must happen, of virtual time, before a waiter asks whether anything can.
const QUIET: Duration = Duration::from_secs(365 * 86_400);
/// How often a waiter finds that something still can.
const QUIET_YEARS: u32 = 200;
/// How often a waiter looks in real time.
const PAUSE: Duration = Duration::from_millis(50);
/// The most open runs that are looked at.
const RUNS: usize = 10_000;

impl Waiting for Kit {
    fn wait_for<'a>(&'a self, store: &'a dyn Store, run: RunKey) -> BoxFuture<'a, Result<Outcome>> {
        Box::pin(self.wait(store, run, move || {
            Box::pin(
                async move { Ok(store.outcomes(&[run]).await?.pop().map(|(_, outcome)| outcome)) },
            )
        }))
    }

    fn wait_for_update<'a>(
        &'a self,
        store: &'a dyn Store,
        run: RunKey,
        id: &'a str,
    ) -> BoxFuture<'a, Result<UpdateState>> {
        Box::pin(self.wait(store, run, move || {
            Box::pin(async move {
                let state = store.updates(&[(run, id.to_owned())]).await?.pop();
                Ok(state.filter(|state| *state != UpdateState::Open))
            })
        }))
    }

    fn until_served(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if self.is_virtual() && !self.watch.is_served() {
                let _moving = self.let_time_move(); // its first poll is due within a millisecond
                self.watch.until_served().await;
            }
        })
    }
}

impl Kit {
    /// Waits until `look` finds something. What it waits for comes of the run, if it comes.
    async fn wait<'a, T>(
        &self,
        store: &dyn Store,
        run: RunKey,
        look: impl Fn() -> BoxFuture<'a, Result<Option<T>>>,
    ) -> Result<T> {
        let _moving = self.let_time_move();
        let pause = if self.is_virtual() { QUIET } else { PAUSE };
        let mut news = self.watch.news();
        let mut quiet_years = 0;
        loop {
            news.mark_unchanged();
            if let Some(failure) = self.take_failure() {
                return Err(failure);
            }
            if let Some(found) = look().await? {
                return Ok(found);
            }
            let open = OpenRuns::below(store, run).await?;
            open.check_stuck(&self.watch.stuck())?;
            if quiet_years > 0 && self.is_virtual() {
                self.check_movable(&open, quiet_years)?;
            }
            match tokio::time::timeout(pause, news.changed()).await {
                Ok(_) => quiet_years = 0,
                Err(_) => quiet_years += 1,
            }
        }
    }

    /// An error when nothing will ever move the run.
    fn check_movable(&self, open: &OpenRuns, quiet_years: u32) -> Result<()> {
        let acts = self.scheduled.load(Ordering::Relaxed) > 0
            || !self.interceptor.calls.running().is_empty();
        if acts || (open.have_timers() && quiet_years < QUIET_YEARS) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Terminal, open.waits_for_ever()))
    }

    /// What a run waits for, in words.
    pub(crate) async fn waits_for(&self, store: &dyn Store, view: RunView) -> Result<String> {
        if let Some(outcome) = store.outcomes(&[view.key]).await?.pop() {
            return Ok(format!("nothing: it has ended as {}", outcome.1.status));
        }
        let running =
            self.interceptor.calls.running().into_iter().find(|call| call.run == view.key.run);
        if let Some(call) = running {
            let (name, op, attempt) = (call.name, call.op, call.attempt);
            return Ok(format!("activity `{name}` (#{op}), attempt {attempt}, which runs"));
        }
        OpenRuns { runs: vec![view.clone()] }.check_stuck(&self.watch.stuck())?;
        Ok(Description::from(view).waiting_for.unwrap_or_default())
    }
}

/// A run that is waited for, and the open runs that it waits for in turn.
struct OpenRuns {
    /// The one that is waited for comes first.
    runs: Vec<RunView>,
}

impl OpenRuns {
    async fn below(store: &dyn Store, run: RunKey) -> Result<Self> {
        let first = store.describe(run).await?.ok_or_else(|| no_such_run(&run.run.to_string()))?;
        let open =
            ListFilter { status: Some(RunStatus::Running), limit: RUNS, ..ListFilter::default() };
        let open = list_all(store, run.tenant, &open).await?.runs;
        let mut keys = vec![run];
        let mut next = 0;
        while let Some(parent) = keys.get(next).copied() {
            let children = open.iter().filter(|view| {
                view.spec.parent.is_some_and(|of| of.run == parent.run) && !keys.contains(&view.key)
            });
            let children: Vec<_> = children.map(|view| view.key).collect();
            keys.extend(children);
            next += 1;
        }
        let mut runs = vec![first];
        for key in keys.into_iter().skip(1) {
            runs.extend(store.describe(key).await?);
        }
        Ok(Self { runs })
    }

    /// An error when one of them is stuck.
    fn check_stuck(&self, stuck: &BTreeMap<RunKey, String>) -> Result<()> {
        let found = self.runs.iter().find_map(|view| Some((view, stuck.get(&view.key)?)));
        match found {
            Some((view, why)) => {
                let message = format!("{} is stuck: {why}", named(view));
                Err(Error::new(ErrorKind::Terminal, message))
            }
            None => Ok(()),
        }
    }

    fn have_timers(&self) -> bool {
        self.runs.iter().any(|view| match &view.placement {
            Some(Placement::Parked { wake_at, .. }) => wake_at.is_some(),
            Some(Placement::Ready { served }) => *served,
            Some(Placement::Owned { .. }) => true,
            None => false,
        })
    }

    fn waits_for_ever(&self) -> String {
        let waits = self.runs.iter().map(|view| {
            let for_what = Description::from(view.clone()).waiting_for.unwrap_or_default();
            format!("{} waits for {for_what}", named(view))
        });
        format!(
            "{}; and nothing in this test will move it. Send what it waits for before you await \
             its result, or schedule it: `env.after(duration, exec.signal(..))`",
            waits.collect::<Vec<_>>().join(", and ")
        )
    }
}

fn named(view: &RunView) -> String {
    let id =
        view.spec.workflow_id.as_deref().map_or_else(|| view.key.run.to_string(), str::to_owned);
    format!("run `{id}` of workflow `{}`", view.spec.workflow)
}
