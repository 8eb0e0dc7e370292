//! What usually makes a replay differ, and what to write instead: the end of every report about that.

/// In lines, without one that is empty.
pub(crate) const CAUSES: &str = "  usual causes, and what to write instead:
    - a clock (`SystemTime::now`, `Instant::now`): `ctx.now()`
    - chance (`rand`, `Uuid::new_v4`): `ctx.random()`, `ctx.rng()`, `ctx.uuid()`
    - the environment, a file, a setting: an activity, `ctx.side_effect(|| …)`, or the workflow's input
    - a counter, a cache or another `static`: a local variable, or state of an activity
    - the order of a `HashMap` or `HashSet`: a `BTreeMap`, or sort before the loop";
