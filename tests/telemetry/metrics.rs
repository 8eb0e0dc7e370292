//! Metrics as Prometheus reads them; and what is written about them.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::metrics::{METRICS, MetricKind};
use flows::prelude::*;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::waiting::{Serving, until};

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn weigh(grams: u64) -> Result<u64> {
    if grams == 0 { Err(Error::retryable("nothing there")) } else { Ok(grams) }
}

#[workflow]
async fn parcel(ctx: &WorkflowContext, grams: u64) -> Result<u64> {
    weigh(ctx, grams).await
}

fn recorder() -> PrometheusHandle {
    let builder = PrometheusBuilder::new().set_buckets(&[0.1, 1.0]).expect("buckets");
    let handle = builder.install_recorder().expect("the only one");
    flows::metrics::describe();
    handle
}

/// The lines of this metric of what is exported, about these definitions if it has them as labels.
fn lines(exported: &str, name: &str) -> Vec<String> {
    let is_it = |line: &&str| {
        line.starts_with(&format!("{name}{{"))
            && (line.contains("\"parcel\"") || line.contains("\"weigh\""))
    };
    exported.lines().filter(is_it).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_does_is_counted() -> Result<()> {
    let prometheus = recorder();
    let engine = flows_core::Engine::new(Arc::new(MemoryStore::new()));
    let worker = Worker::builder(&engine, register_all![parcel, weigh]);
    let serving = Serving::begin(worker.lease(Duration::from_secs(1)).build()?);
    for grams in [5, 0, 7] {
        let exec = engine.start(parcel::Input { grams }).await?;
        assert_eq!(exec.result().await.is_ok(), grams > 0);
    }
    let renewed = "flows_lease_renewals_total{outcome=\"renewed\"}";
    until(async || Ok(prometheus.render().contains(renewed))).await?;
    serving.stop().await?;
    let exported = prometheus.render();
    let counters: Vec<_> = METRICS.iter().filter(|it| it.kind == MetricKind::Counter).collect();
    let mut counted: Vec<_> = counters.iter().flat_map(|it| lines(&exported, it.name)).collect();
    counted.sort();
    expect_test::expect![[r#"
        flows_attempts_total{activity="weigh",outcome="completed"} 2
        flows_attempts_total{activity="weigh",outcome="failed"} 2
        flows_dead_letters_total{workflow="parcel"} 1
        flows_runs_ended_total{workflow="parcel",status="completed"} 2
        flows_runs_ended_total{workflow="parcel",status="failed"} 1
        flows_runs_started_total{workflow="parcel"} 3"#]]
    .assert_eq(&counted.join("\n"));
    let seen = |name: &str, n: u32| {
        let found = lines(&exported, &format!("{name}_count"));
        assert!(found.iter().any(|line| line.ends_with(&format!(" {n}"))), "{name}: {found:?}");
    };
    seen("flows_first_turn_wait_seconds", 3);
    seen("flows_run_seconds", 2);
    seen("flows_attempt_wait_seconds", 3);
    seen("flows_attempt_seconds", 4);
    assert!(exported.contains("\nflows_commit_seconds_count "), "{exported}");
    assert!(exported.contains("\nflows_commit_runs_count "), "{exported}");
    assert!(exported.contains("\nflows_resident_runs "), "{exported}");
    assert!(exported.contains("\nflows_activity_slots_used "), "{exported}");
    let types = exported.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<_> = METRICS.iter().map(|it| it.name).collect();
    for name in types {
        assert!(known.contains(name), "`{name}` is not in the table");
    }
    Ok(())
}

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect("a file")
}

/// The series that Prometheus has of these metrics.
fn series() -> BTreeSet<String> {
    let of = |metric: &flows::metrics::Metric| match metric.kind {
        MetricKind::Histogram => {
            ["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)).to_vec()
        }
        _ => vec![metric.name.to_owned()],
    };
    METRICS.iter().flat_map(of).collect()
}

fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("flows_")).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_what_is_exported() {
    let (dashboard, alerts) =
        (file("docs/monitoring/grafana.json"), file("docs/monitoring/alerts.yml"));
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(parsed["panels"].as_array().is_some_and(|panels| panels.len() > 10));
    for text in [&dashboard, &alerts] {
        let unknown: Vec<_> = names_in(text).difference(&series()).cloned().collect();
        assert!(unknown.is_empty(), "not exported: {unknown:?}");
    }
    let shown = names_in(&dashboard);
    let is_shown = |name: &str| shown.iter().any(|it| it.starts_with(name));
    let missing: Vec<_> = METRICS.iter().filter(|it| !is_shown(it.name)).collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
}

#[test]
fn the_guide_has_every_metric() {
    let row = |metric: &flows::metrics::Metric| {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)
    };
    let rows: Vec<_> = METRICS.iter().map(row).collect();
    let guide = file("docs/src/telemetry.md");
    let shown: Vec<_> = guide.lines().filter(|line| line.starts_with("| `flows_")).collect();
    assert_eq!(shown, rows);
}
