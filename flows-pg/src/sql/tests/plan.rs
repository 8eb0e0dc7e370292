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
        let swept = self.nodes.iter().filter(|node| is_sweep(node));
        swept.filter_map(|node| Some(node["Relation Name"].as_str()?.to_owned())).collect()
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

/// Reads a whole table; or an index without its first column, which is as bad.
fn is_sweep(node: &Value) -> bool {
    let index = node["Index Name"].as_str().unwrap_or_default();
    let condition = node["Index Cond"].as_str().unwrap_or_default();
    match node["Node Type"].as_str().unwrap_or_default() {
        "Seq Scan" => true,
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => {
            let first = match index {
                "journal_pkey" | "parked_pkey" => "(run_id ",
                "owned_mail" | "workers_pkey" => "(worker_id = ",
                _ => "(shard = ",
            };
            !condition.contains(first)
        }
        _ => false,
    }
}
