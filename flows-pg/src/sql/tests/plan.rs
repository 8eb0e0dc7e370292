//! What a plan that was carried out has looked at.

use std::collections::HashSet;

use serde_json::Value;

/// A plan, as `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` tells it.
pub(super) struct Plan {
    nodes: Vec<Value>,
}

impl Plan {
    pub(super) fn new(explained: &Value) -> Self {
        let mut nodes = Vec::new();
        flatten(&explained[0]["Plan"], &mut nodes);
        assert!(!nodes.is_empty(), "no plan: {explained}");
        Self { nodes }
    }

    /// Tables that are read whole.
    pub(super) fn sweeps(&self) -> Vec<String> {
        let looks = self.looks().into_iter();
        looks.filter(|look| !look.is_by_its_first_column()).map(|look| look.table).collect()
    }

    /// Every look at a table or index. (One by place comes from another look.)
    pub(super) fn looks(&self) -> Vec<Look> {
        self.nodes.iter().filter_map(Look::read).collect()
    }

    /// Entries that were read from an index.
    pub(super) fn entries(&self, index: &str) -> f64 {
        let scans = self.nodes.iter().filter(|node| node["Index Name"].as_str() == Some(index));
        let number = |node: &Value, name: &str| node[name].as_f64().unwrap_or(0.0);
        let read = |node| {
            let filtered = number(node, "Rows Removed by Filter");
            (number(node, "Actual Rows") + filtered) * number(node, "Actual Loops")
        };
        scans.map(read).sum()
    }

    /// Pages that were looked at: by the statement, and by those queries of its WITH list that
    /// nobody reads, which are carried out at the end.
    pub(super) fn pages(&self) -> u64 {
        let read = self.nodes.iter().filter_map(|node| node["CTE Name"].as_str());
        let read = read.collect::<HashSet<_>>();
        let is_apart = |node: &Value| query_name(node).is_some_and(|name| !read.contains(name));
        let apart = self.nodes.iter().skip(1).filter(|node| is_apart(node));
        self.nodes.iter().take(1).chain(apart).map(looked_at).sum()
    }
}

/// The name of a query of the WITH list.
fn query_name(node: &Value) -> Option<&str> {
    node["Subplan Name"].as_str()?.strip_prefix("CTE ")
}

fn looked_at(node: &Value) -> u64 {
    ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|kind| node[*kind].as_u64()).sum()
}

fn flatten(node: &Value, nodes: &mut Vec<Value>) {
    if node.is_null() {
        return;
    }
    nodes.push(node.clone());
    node["Plans"].as_array().into_iter().flatten().for_each(|child| flatten(child, nodes));
}

/// A look at a table or index, and by which conditions.
pub(super) struct Look {
    pub(super) table: String,
    index: String,
    /// What the index is searched by: a filter reads first and looks then.
    pub(super) condition: String,
    pub(super) filter: String,
}

impl Look {
    fn read(node: &Value) -> Option<Self> {
        let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
        let looks = ["Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"];
        let index = text("Index Name");
        let table = Some(text("Relation Name")).filter(|table| !table.is_empty());
        let of_index = index.split('_').next().unwrap_or_default().to_owned();
        looks.contains(&node["Node Type"].as_str()?).then(|| Self {
            table: table.unwrap_or(of_index),
            condition: text("Index Cond"),
            filter: text("Filter"),
            index,
        })
    }

    /// An index without its first column is read whole, which is as bad as the table.
    fn is_by_its_first_column(&self) -> bool {
        let first = match &*self.index {
            "" => return false,
            "journal_pkey" | "parked_pkey" => ["(run_id ", "(ROW(run_id, "],
            "owned_messages" | "workers_pkey" | "activity_tasks_claimed" => ["(worker_id = "; 2],
            "runs_listed" | "runs_children" | "runs_outcome" | "runs_ended_late"
            | "attributes_listed" => ["(tenant_id = "; 2],
            "parked_stuck" | "activity_tasks_queued" => ["(lane = "; 2],
            "parked_suspects" => ["(wake_at <= "; 2],
            "runs_limited" => ["(limit_at <= "; 2],
            "schedules_due" => ["(due_at <= ", "(due_at > "],
            "forks_of" => ["(origin = "; 2],
            _ => ["(shard = "; 2],
        };
        first.iter().any(|first| self.condition.contains(first))
    }

    /// Operands that are cast before they are compared: columns and parameters.
    pub(super) fn casts(&self) -> Vec<String> {
        let conditions = [&self.condition, &self.filter].into_iter();
        conditions.flat_map(|condition| casts(condition)).collect()
    }
}

/// `(s.s)::smallint` in `(shard = (s.s)::smallint)`; literals, and what is computed from settings,
/// have no columns.
fn casts(condition: &str) -> Vec<String> {
    let is_operand = |text: &str| {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
        !text.is_empty() && text.chars().all(name)
    };
    let cast = |at: usize| {
        let operand = condition[..at].rsplit('(').next().unwrap_or_default();
        let kind = condition[at..].split([')', ' ', ',']).find(|part| !part.is_empty());
        is_operand(operand).then(|| format!("({operand}){}", kind.unwrap_or_default()))
    };
    condition.match_indices(")::").filter_map(|(at, _)| cast(at)).collect()
}

#[test]
fn casts_of_operands_are_found() {
    let settings = "(tenant_id = (NULLIF(current_setting('a'::text, true), ''::text))::uuid)";
    assert!(casts(settings).is_empty());
    assert_eq!(casts("(r.shard = (s.s)::smallint)"), ["(s.s)::smallint"]);
    assert_eq!(casts("((shard = ($1)::smallint) AND (lane >= w.lane))"), ["($1)::smallint"]);
}
