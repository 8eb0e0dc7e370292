//! The SQL statements: one file, one constant, one function of the same name that sends it.
//!
//! Nothing here is put together at run time. Every file says who sends it, what it locks and which
//! index it needs; a test prepares and explains all of them.
//!
//! Every condition on a column of a key compares it with a parameter or a column of exactly its type:
//! `shard` with an element of a `smallint[]`, never with a number that is cast. Behind row security only
//! leakproof operators search an index, and which casts count as such changes with minor releases.
//!
//! # How a statement keeps its plan
//!
//! Hot tables are empty one moment and full the next, and a plan is made once. So that it does not
//! matter when: sequential and bitmap scans, hash and merge joins are switched off for all sessions
//! (a bitmap is made whole even where one row is wanted), and a join to a table compares the leading
//! column of its key as `t.shard = ANY (ARRAY[x.shard])`, or `run_id` where that one leads. A plain
//! equality there would make the index's order useful to a merge join, and that alone lets the planner
//! read the whole index for each row, which it prefers for a table that looks empty. (The policies are kept
//! out of this: what they compare is written so that no index is searched by it.) Where an index has every column that is
//! read, or more than two tables are joined, `(SELECT … LIMIT 1)` serves for the same reason.
//!
//! # Arrays of arguments
//!
//! Hot statements turn their arrays into rows in a select list, `(SELECT unnest($1::smallint[]) AS shard, …)`.
//! Called in `FROM`, the function would copy each array into a tuple store of its own and each element twice,
//! which costs an append a fifth of its time. `generate_series` numbers the rows where they need numbers.

#[cfg(all(test, feature = "dev"))]
mod tests;

/// Begins a transaction that changes nothing, in which names without a schema are PostgreSQL's own, whatever
/// the search path of the session says. The next statement may be a while in coming, whatever its limit says.
pub(crate) const BEGIN_APART: &str = "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; \
    SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// Begins a transaction whose next statement may be a while in coming.
pub(crate) const BEGIN_UNHURRIED: &str =
    "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// A statement and the name it is counted under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! statements {
    ($($constant:ident = $name:literal),* $(,)?) => {
        $(pub(crate) const $constant: Sql =
            Sql { name: $name, text: include_str!(concat!("sql/", $name, ".sql")) };)*

        /// All of them.
        pub(crate) const ALL: &[Sql] = &[$($constant),*];
    };
}

statements! {
    ANSWER_UPDATES = "answer_updates",
    ADD_SCHEDULE = "add_schedule",
    ADD_TASKS = "add_tasks",
    CHANGE_SCHEDULE = "change_schedule",
    CLAIM_SCHEDULES = "claim_schedules",
    DROP_SCHEDULE = "drop_schedule",
    FIND_SCHEDULE = "find_schedule",
    LIST_SCHEDULES = "list_schedules",
    APPEND = "append",
    APPEND_LAST = "append_last",
    APPEND_ONE = "append_one",
    BEREFT = "bereft",
    LOCKED = "locked",
    LOCKED_MESSAGES = "locked_messages",
    TAKE_DEAD_LETTER = "take_dead_letter",
    CHECK = "check",
    CHECK_TASKS = "check_tasks",
    CLAIM = "claim",
    CLAIM_STUCK = "claim_stuck",
    CLAIM_TASKS = "claim_tasks",
    CLEAR = "clear",
    COLLECT = "collect",
    COLLECT_AGAIN = "collect_again",
    DEAD_LETTERS = "dead_letters",
    DEAD_WORKERS = "dead_workers",
    DESCRIBE = "describe",
    DISMISS = "dismiss",
    END_RUN = "end_run",
    END_SESSIONS = "end_sessions",
    END_TASKS = "end_tasks",
    ENTER_ACTIVITY = "enter_activity",
    ENTER_FOREIGN = "enter_foreign",
    ENTER_HANDED = "enter_handed",
    ENTER_SCAN = "enter_scan",
    ENTER_TENANT = "enter_tenant",
    FORK = "fork",
    REMOVE_PLACEMENT = "remove_placement",
    FIND = "find",
    FORGET_WORKER = "forget_worker",
    HASTEN_CHILDREN = "hasten_children",
    HASTEN_STUCK = "hasten_stuck",
    HISTORY = "history",
    HOLDERS = "holders",
    MOVE_INBOX = "move_inbox",
    LEAVE_FOREIGN = "leave_foreign",
    LEASE = "lease",
    LIST_ATTRIBUTES = "list_attributes",
    LIST_CHILDREN = "list_children",
    LIST_GROUPS = "list_groups",
    LIST_LATE = "list_late",
    LIST_OPEN = "list_open",
    LIST_RANGE = "list_range",
    LIST_RUNS = "list_runs",
    LIST_VALUES = "list_values",
    LIST_WALK = "list_walk",
    LOAD = "load",
    LOAD_INBOXES = "load_inboxes",
    LOCK_DEAD_WORKER = "lock_dead_worker",
    LOCK_WORKER = "lock_worker",
    POLL = "poll",
    FENCED = "fenced",
    NOTIFY = "notify",
    OPEN_CHILDREN = "open_children",
    OUTCOMES = "outcomes",
    OVERDUE = "overdue",
    OWN_LIMITS = "own_limits",
    OWN_SETTINGS = "own_settings",
    PARK = "park",
    PAUSE = "pause",
    PAUSES = "pauses",
    WAKE_DUE = "wake_due",
    PUBLISH_ITEMS = "publish_items",
    QUERY = "query",
    READ_ITEMS = "read_items",
    RELEASE = "release",
    RELEASE_TASKS = "release_tasks",
    RELOAD = "reload",
    RENEW = "renew",
    RESUME = "resume",
    RESTORE_SETTINGS = "restore_settings",
    RETRY_STUCK = "retry_stuck",
    SEND = "send",
    SET_ATTRIBUTES = "set_attributes",
    SET_QUERIES = "set_queries",
    START = "start",
    START_OWNED = "start_owned",
    STATUSES = "statuses",
    STUCK = "stuck",
    LINK_SUCCESSOR = "link_successor",
    SCAN_CLOSED = "scan_closed",
    SCAN_OPEN = "scan_open",
    TAKE_BACK = "take_back",
    TURN = "turn",
    UNCLAIM = "unclaim",
    UPDATES = "updates",
    VOID_REQUESTS = "void_requests",
    YIELD_CHILD_IDS = "yield_child_ids",
    WITHDRAW_TASKS = "withdraw_tasks",
    YIELD_ID = "yield_id",
}
