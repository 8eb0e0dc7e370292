//! The hot statements on full tables, carried out: as the role that sends them, with row security, on
//! plans that were made while the tables were empty, without statistics, and with them.
//!
//! `FLOWS_ROWS` is the number of rows in each: a million in CI, by default a hundred thousand.

use std::collections::HashSet;

use serde_json::Value;
use tokio_postgres::Client;

use super::cases::{Case, cases, foreign_lanes, many_lanes};
use super::fill::{LANES, fill, id, prepare, quick_database};
use super::lists;
use super::plan::Plan;
use super::{SWEEPS, connect};
use crate::dev::Database;
use crate::session::{CLAIMER, WRITER};
use crate::sql::ENTER_TENANT;

/// Sessions of each kind, which keep what they have prepared.
struct Sessions {
    writer: Client,
    claimer: Client,
    tenant: Client,
}

impl Sessions {
    async fn new(database: &Database, [writer, claimer]: [&str; 2], cases: &[Case]) -> Self {
        let [a, b, c] = [(); 3].map(|()| connect(database.url()));
        let sessions = Self { writer: a.await, claimer: b.await, tenant: c.await };
        sessions.writer.batch_execute(writer).await.expect("a session");
        sessions.claimer.batch_execute(claimer).await.expect("a session");
        let mut known = HashSet::new();
        for case in cases {
            let Case { sql, .. } = case;
            if known.insert((case.session, sql.name)) {
                let prepare = format!("PREPARE {} AS {}", sql.name, sql.text);
                sessions.of(case).batch_execute(&prepare).await.expect("prepares");
            }
        }
        sessions
    }

    fn of(&self, case: &Case) -> &Client {
        match case.session {
            Some(WRITER) => &self.writer,
            Some(_) => &self.claimer,
            None => &self.tenant,
        }
    }

    /// Explains a case as it would be sent, and undoes what it did.
    async fn explain(&self, case: &Case, options: &str) -> Value {
        let client = self.of(case);
        client.batch_execute("BEGIN").await.expect("begins");
        if case.session.is_none() {
            let tenant = id(case.tenant).to_string();
            client.query(ENTER_TENANT.text, &[&tenant, &"10s"]).await.expect("a tenant");
        }
        let (name, arguments) = (case.sql.name, case.arguments.join(", "));
        let explain = format!("EXPLAIN ({options}, FORMAT JSON) EXECUTE {name} ({arguments})");
        let plan = client.query_one(&explain, &[]).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        client.batch_execute("ROLLBACK").await.expect("ends");
        plan.get(0)
    }

    /// What is wrong with the cases, as they are carried out.
    async fn findings(&self, cases: &[Case]) -> Vec<String> {
        let mut wrong = Vec::new();
        for case in cases {
            let plan = Plan::new(&self.explain(case, "ANALYZE, BUFFERS").await);
            let (name, limit, pages) = (case.sql.name, case.pages * case.rows, plan.pages());
            eprintln!("{name}: {:.1} pages for a row", pages as f64 / case.rows as f64);
            if pages > limit {
                wrong.push(format!("{name}: {pages} pages, at most {limit}"));
            }
            let swept = plan.sweeps().into_iter();
            let is_known =
                |table: &str| table.starts_with("pg_") || SWEEPS.contains(&(name, table));
            let swept = swept.filter(|table| !is_known(table));
            wrong.extend(swept.map(|table| format!("{name}: reads all of {table}")));
        }
        wrong
    }

    async fn check(&self, cases: &[Case], when: &str) {
        eprintln!("-- {when}");
        let wrong = self.findings(cases).await;
        assert!(wrong.is_empty(), "{when}:\n{}", wrong.join("\n"));
    }

    async fn plans(&self, cases: &[Case]) -> Vec<Value> {
        let mut plans = Vec::new();
        for case in cases {
            plans.push(self.explain(case, "COSTS").await);
        }
        plans
    }
}

fn rows() -> u64 {
    let given = std::env::var("FLOWS_ROWS").ok();
    given.map_or(100_000, |rows| rows.parse().expect("FLOWS_ROWS is a number"))
}

const GUARDED: [&str; 2] = [WRITER, CLAIMER];
/// Plans made once, but of any kind.
const UNGUARDED: &str = "SET ROLE flows_worker; SET plan_cache_mode = force_generic_plan";

#[tokio::test]
async fn hot_statements_look_at_few_pages_of_full_tables() {
    let (_server, database) = quick_database().await;
    let admin = connect(database.superuser_url().expect("a superuser")).await;
    prepare(&admin).await;
    let cases = cases();
    let early = Sessions::new(&database, GUARDED, &cases).await;
    let made = early.plans(&cases).await;
    let looks = cases_of(&["poll", "claim"]);
    let unguarded = Sessions::new(&database, [UNGUARDED; 2], &looks).await;
    unguarded.plans(&looks).await;

    fill(&admin, rows()).await;
    assert!(early.plans(&cases).await == made, "these plans are not those of empty tables");
    early.check(&cases, "planned on empty tables").await;
    let wrong = unguarded.findings(&looks).await;
    assert!(!wrong.is_empty(), "without its settings, a session should do badly");

    let late = Sessions::new(&database, GUARDED, &cases).await;
    assert!(late.plans(&cases).await != made, "these plans are not new");
    late.check(&cases, "planned on full tables that nobody has analysed").await;

    admin.batch_execute("VACUUM ANALYZE").await.expect("statistics");
    let known = Sessions::new(&database, GUARDED, &cases).await;
    known.check(&cases, "planned with statistics").await;
    many_lanes_are_walked(&known).await;
    a_missing_index_is_found(&admin, &known).await;
}

/// A claim reads little more than it takes, and a look one entry for each lane that it meets.
async fn many_lanes_are_walked(sessions: &Sessions) {
    for (case, limit) in [(many_lanes(), 1_800.0), (foreign_lanes(), 320.0)] {
        let plan = Plan::new(&sessions.explain(&case, "ANALYZE, BUFFERS").await);
        let (name, read) = (case.sql.name, plan.entries("ready_pkey"));
        assert!(read >= LANES as f64 && read < limit, "{name}: {read} entries, at most {limit}");
    }
}

/// So the checks above can fail.
async fn a_missing_index_is_found(admin: &Client, sessions: &Sessions) {
    let [by_workflow, by_outcome, by_end, by_value] = lists::by_each_index();
    for (drop, cases) in [
        ("DROP INDEX flows.owned_messages", cases_of(&["collect"])),
        ("DROP INDEX flows.parked_due", cases_of(&["poll"])),
        ("ALTER TABLE flows.journal DROP CONSTRAINT journal_pkey", cases_of(&["history"])),
        ("DROP INDEX flows.attributes_listed", vec![by_value]),
        ("DROP INDEX flows.runs_ended_late", vec![by_end]),
        ("DROP INDEX flows.runs_outcome", vec![by_outcome]),
        ("DROP INDEX flows.runs_listed", vec![by_workflow]),
    ] {
        admin.batch_execute(drop).await.expect("drops");
        let wrong = sessions.findings(&cases).await;
        assert!(!wrong.is_empty(), "it goes as well without: {drop}");
    }
}

fn cases_of(names: &[&str]) -> Vec<Case> {
    cases().into_iter().filter(|case| names.contains(&case.sql.name)).collect()
}
