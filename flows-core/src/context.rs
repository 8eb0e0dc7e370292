//! What user code is handed: the workflow's and the activity's context.
/// x
pub struct ActivityContext;
/// x
pub struct WorkflowContext;
