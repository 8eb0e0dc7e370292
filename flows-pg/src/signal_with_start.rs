//! `signal_with_start`: a new run and its first signal, or a signal for the run that has the workflow id.
//!
//! Both are one transaction. Who comes second waits in `start.sql` for the first one's commit, finds
//! its run, and signals it.

use flows_core::error::{ErrorKind, Result};
use flows_core::ids::RunKey;
use flows_core::store::{
    NewRun, OutgoingMessage, PATIENCE, Sent, Started, check_workflow, held, only,
};

use crate::error::Fault;
use crate::held::Verb;
use crate::scope::Scope;
use crate::send::deliver;
use crate::start::conflict::{contested, holder, yield_id};
use crate::start::{TRIES, start};
use crate::store::Shared;

impl Shared {
    pub(crate) async fn signal_with_start(
        &self,
        run: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        let done = self.patient(run.key.tenant, PATIENCE, SignalWithStart { run, signal }).await?;
        let id = run.spec.workflow_id.as_deref().unwrap_or_default();
        done.ok_or_else(|| held(&format!("workflow id `{id}`")))
    }
}

struct SignalWithStart<'a> {
    run: &'a NewRun,
    signal: &'a OutgoingMessage,
}

impl Verb for SignalWithStart<'_> {
    type Done = (Started, Sent);

    async fn run(&self, scope: Scope<'_>) -> Result<(Started, Sent), Fault> {
        within(scope, self.run, self.signal).await
    }
}

/// Does it inside a transaction.
pub(crate) async fn within(
    scope: Scope<'_>,
    run: &NewRun,
    signal: &OutgoingMessage,
) -> Result<(Started, Sent), Fault> {
    for _ in 0..TRIES {
        if start(scope, run).await? {
            return Ok((Started::Created, send(scope, run.key, signal).await??));
        }
        let Some(existing) = holder(scope, run).await? else { continue };
        if existing.run == run.key.run {
            return Ok((Started::Created, Sent::Duplicate)); // by this call, whose answer was lost
        }
        check_workflow(run, Some(&existing.workflow))?;
        let key = RunKey { run: existing.run, ..run.key };
        match send(scope, key, signal).await? {
            Err(error) if error.kind() != ErrorKind::Closed => return Err(error.into()),
            Err(_) if existing.gives_way_to(run) => {
                yield_id(scope, run, existing.run).await?;
            }
            Err(closed) => match holder(scope, run).await? {
                Some(same) if same.run == existing.run => return Err(closed.into()),
                _ => {} // another run has gone on in its place meanwhile
            },
            Ok(sent) => return Ok((Started::Exists(key), sent)),
        }
    }
    Err(contested(run).into())
}

async fn send(
    scope: Scope<'_>,
    to: RunKey,
    signal: &OutgoingMessage,
) -> Result<Result<Sent>, Fault> {
    let message = OutgoingMessage { to, ..signal.clone() };
    let answers = deliver(scope, vec![(0, &message)]).await?;
    Ok(only(answers.into_iter().map(|(_, answer)| answer).collect()))
}
