//! What only another process shows: `crash_everywhere` replays there.

use std::sync::LazyLock;
use std::time::SystemTime;

use flows::prelude::*;
use flows::testing::crash_everywhere;

#[activity]
async fn remark(what: String) -> Result<String> {
    Ok(what)
}

/// The same all the time, in one process.
mod settings {
    use super::*;

    static BEGAN: LazyLock<u64> = LazyLock::new(|| {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or_default()
    });
    static ZONE: LazyLock<String> =
        LazyLock::new(|| std::env::var("TZ").unwrap_or_else(|_| "UTC".to_owned()));

    pub(super) fn began() -> String {
        BEGAN.to_string()
    }

    pub(super) fn zone() -> String {
        ZONE.clone()
    }

    pub(super) fn directory() -> String {
        std::env::current_dir().unwrap_or_default().display().to_string()
    }

    /// A clock behind a `Default`, that is looked at to the second.
    #[derive(Debug)]
    pub(super) struct Today(pub(super) u64);

    impl Default for Today {
        fn default() -> Self {
            Self(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs())
        }
    }
}

#[workflow]
async fn steady(ctx: &WorkflowContext) -> Result<String> {
    remark(ctx, "one".into()).await
}

#[workflow]
async fn a_static(ctx: &WorkflowContext) -> Result<String> {
    remark(ctx, settings::began()).await
}

#[workflow]
async fn a_variable(ctx: &WorkflowContext) -> Result<String> {
    if settings::zone().starts_with("Pacific/") {
        ctx.sleep(Duration::from_secs(1)).await?;
    }
    remark(ctx, "one".into()).await
}

#[workflow]
async fn a_directory(ctx: &WorkflowContext) -> Result<String> {
    remark(ctx, settings::directory()).await
}

#[workflow]
async fn a_coarse_clock(ctx: &WorkflowContext) -> Result<u64> {
    remark(ctx, "one".into()).await?;
    Ok(settings::Today::default().0)
}

/// What it says about a workflow.
async fn report<I: flows::WorkflowInput>(input: I) -> String
where
    <I::Workflow as flows::Workflow>::Output: std::fmt::Debug,
{
    let error = crash_everywhere(input).await.expect_err("it differs elsewhere").to_string();
    assert!(error.contains("is not the same when it is replayed in another process"), "{error}");
    error
}

#[flows::test]
async fn a_static_of_the_process_is_found() {
    let error = report(a_static::Input {}).await;
    assert!(error.contains("activity `remark` (#0) at tests/testing/elsewhere.rs:55"), "{error}");
    assert!(error.contains("is called with another input"), "{error}");
}

#[flows::test]
async fn a_variable_of_the_environment_is_found() {
    let error = report(a_variable::Input {}).await;
    assert!(error.contains("timer (#0), called at tests/testing/elsewhere.rs:61"), "{error}");
}

/// Also behind another `crash_everywhere` of the same test.
#[flows::test]
async fn a_working_directory_is_found() {
    assert_eq!(crash_everywhere(steady::Input {}).await?, "one");
    assert!(report(a_directory::Input {}).await.contains("is called with another input"));
}

#[flows::test]
async fn a_clock_that_is_looked_at_to_the_second_is_found() {
    // Where the second changes between its first runs, it is found at once.
    let error =
        crash_everywhere(a_coarse_clock::Input {}).await.expect_err("it differs").to_string();
    assert!(error.contains("what differs: its outcome"), "{error}");
}

#[flows::test]
async fn a_test_may_stay_in_its_process() {
    assert!(crash_everywhere(a_static::Input {}).here_only().await.is_ok());
}
