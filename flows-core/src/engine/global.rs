//! The short form: one engine for the program, the tenant from the surrounding request.

use std::future::Future;
use std::sync::{PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::dead_letters::Rerun;
use super::execution::{AnyWorkflow, Target};
use super::send::SendSignal;
use super::tenant::{RerunOf, Tenant};
use super::update::SendUpdate;
use super::{Engine, SignalWithStart, Start, StartWithUpdate};
use crate::context::Update;
use crate::definition::WorkflowInput;
use crate::error::{Error, ErrorKind, Result};

static ENGINE: RwLock<Option<Engine>> = RwLock::new(None);

tokio::task_local! {
    static TENANT: Uuid;
}

/// Sets the program's engine, which `flows::start` and its like use. Call it once, at the start.
pub fn set_engine(engine: impl Into<Engine>) {
    *ENGINE.write().unwrap_or_else(PoisonError::into_inner) = Some(engine.into());
}

/// Runs a future for one tenant, for example the handling of a request: inside it `flows::start` and its like
/// act for this tenant. [`Uuid::nil`] is the default tenant.
pub async fn with_tenant<F: Future>(tenant: impl Into<Uuid>, future: F) -> F::Output {
    TENANT.scope(tenant.into(), future).await
}

/// Starts a run with the program's engine for the surrounding tenant; see [`Tenant::start`].
pub fn start<'t, I: WorkflowInput>(input: I) -> Start<'t, I::Workflow> {
    Start::new(tenant("start"), input)
}

/// Sends a signal to the newest run of a workflow id; see [`Tenant::signal`].
pub fn signal<'t, T: Serialize>(
    id: impl Into<String>,
    name: impl Into<String>,
    payload: &T,
) -> SendSignal<'t> {
    let to = tenant("signal").map(|tenant| (tenant, Target::Id(id.into())));
    SendSignal::new(to, name.into(), payload)
}

/// Sends a signal to the run of a workflow id, and starts that run if there is none; see
/// [`Tenant::signal_with_start`].
pub fn signal_with_start<'t, I: WorkflowInput, T: Serialize>(
    input: I,
    name: impl Into<String>,
    payload: &T,
) -> SignalWithStart<'t, I::Workflow> {
    let start = Start::new(tenant("signal_with_start"), input);
    SignalWithStart::new(start, name.into(), payload)
}

/// Sends an update to the newest run of a workflow id, and waits for the reply; see [`Tenant::update`].
pub fn update<'t, U: Update>(id: impl Into<String>, update: U) -> SendUpdate<'t, U> {
    let to = tenant("update").map(|tenant| (tenant, Target::Id(id.into())));
    SendUpdate::new(to, &update)
}

/// Sends an update to the run of a workflow id, starts that run if there is none, and waits for the reply; see
/// [`Tenant::start_with_update`].
pub fn start_with_update<'t, I: WorkflowInput, U: Update>(
    input: I,
    update: U,
) -> StartWithUpdate<'t, I::Workflow, U> {
    StartWithUpdate::new(Start::new(tenant("start_with_update"), input), &update)
}

/// Reads a value that the newest run of a workflow id has published; see [`Execution::query`](super::Execution::query).
///
/// # Errors
/// As [`Execution::query`](super::Execution::query); `Configuration` without an engine or outside [`with_tenant`].
pub async fn query<T: DeserializeOwned>(id: impl Into<String>, name: &str) -> Result<Option<T>> {
    tenant("query")?.execution::<AnyWorkflow>(id).query(name).await
}

/// Starts a dead letter again; see [`Tenant::rerun`].
pub fn rerun<'t>(dead_letter: impl Into<RerunOf>) -> Rerun<'t> {
    Rerun::new(tenant("rerun"), dead_letter.into().run())
}

/// The surrounding tenant of the program's engine.
fn tenant(call: &str) -> Result<Tenant> {
    let engine = ENGINE.read().unwrap_or_else(PoisonError::into_inner).clone();
    let engine = engine.ok_or_else(|| {
        let message = format!(
            "flows::{call} needs an engine: call `flows::set_engine(engine)` once at the \
             program's start, or use `engine.{call}(…)`"
        );
        Error::new(ErrorKind::Configuration, message)
    })?;
    let tenant = TENANT.try_with(|tenant| *tenant).map_err(|_| {
        let message = format!(
            "flows::{call} needs a tenant: run it inside `flows::with_tenant(tenant_id, async {{ … \
             }})` (`Uuid::nil()` is the default tenant), or use `engine.tenant(id).{call}(…)`"
        );
        Error::new(ErrorKind::Configuration, message)
    })?;
    Ok(engine.tenant(tenant))
}
