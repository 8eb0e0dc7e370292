//! What the open children of a run are told in the transaction that ends it: page by page, each as its close policy
//! says.

use flows_core::ending::ChildAtEnd;
use flows_core::ids::RunKey;
use flows_core::store::{Close, ClosePolicy, Hint, ListCursor};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::{Keys, key};
use crate::scope::Scope;
use crate::send::{deliver, hints};
use crate::sql::{HASTEN_CHILDREN, OPEN_CHILDREN};
use crate::types::{BEGINNING, Time};

/// So many children are in memory at once.
const PAGE: usize = 1_000;

/// Tells those children of a run that its end is about. Answers what is to be passed on behind the commit.
pub(crate) async fn tell_children(
    scope: Scope<'_>,
    run: RunKey,
    close: &Close,
) -> Result<Vec<Hint>, Fault> {
    let policies = close.children.policies();
    let mut told = Vec::new();
    let mut behind =
        (!policies.is_empty()).then_some(ListCursor { created_at: BEGINNING, run: Uuid::nil() });
    while let Some(cursor) = behind {
        let rows = page(scope, run, policies, cursor).await?;
        let children = rows.iter().map(child).collect::<Vec<_>>();
        let messages =
            children.iter().filter_map(|child| child.message(&close.outcome)).collect::<Vec<_>>();
        let sent = deliver(scope, messages.iter().enumerate().collect()).await?;
        told.extend(hints(sent, &messages));
        hasten(scope, &children).await?;
        let last = rows.last().filter(|_| rows.len() == PAGE);
        behind = last.map(|row| ListCursor { created_at: created_at(row), run: row.get("run_id") });
    }
    Ok(told)
}

async fn page(
    scope: Scope<'_>,
    run: RunKey,
    policies: &[ClosePolicy],
    behind: ListCursor,
) -> Result<Vec<Row>, Fault> {
    let policies = policies.iter().map(|policy| i64::from(policy.code())).collect::<Vec<_>>();
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let params: crate::link::Params<'_> =
        &[&run.tenant, &run.run, &policies, &Time(behind.created_at), &behind.run, &limit];
    scope.query(OPEN_CHILDREN, params).await
}

/// Who is stuck would not read its message before it is tried again.
async fn hasten(scope: Scope<'_>, children: &[ChildAtEnd]) -> Result<(), Fault> {
    let ends = children.iter().filter(|child| child.policy == ClosePolicy::Terminate);
    let keys = ends.map(|child| child.key).collect::<Keys>();
    if !keys.is_empty() {
        scope.query(HASTEN_CHILDREN, &[&keys.shards, &keys.tenants, &keys.runs]).await?;
    }
    Ok(())
}

fn child(row: &Row) -> ChildAtEnd {
    ChildAtEnd { key: key(row), policy: ClosePolicy::from_code(row.get("policy")) }
}

fn created_at(row: &Row) -> Timestamp {
    row.get::<_, Time>("created_at").0
}
