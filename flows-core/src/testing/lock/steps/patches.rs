//! Code behind patches, as a run sees it that was begun before the edit.

use std::collections::BTreeMap;

use super::super::report::{Findings, Level};
use crate::graph::{Item, Kind};

/// Both sequences with the patches that only one of them knows replaced: a new patch by its old
/// code, a retired one by its new code.
pub(super) fn as_an_old_run_sees_it(
    old: &[Item],
    new: &[Item],
    findings: &mut Findings,
) -> (Vec<Item>, Vec<Item>) {
    let (known, now) = (patches(old), patches(new));
    for (id, line) in now.iter().filter(|(id, _)| !known.contains_key(*id)) {
        let help =
            "open runs that may be past it do not take part, and see what stands in its `else`";
        findings.add_at(Level::Note, *line, format!("the patch {id} is new"), help);
    }
    for id in known.keys().filter(|id| !now.contains_key(*id)) {
        findings.add(
            Level::Warning,
            format!("the patch {id} is retired"),
            "safe when no open run predates the patch; `flows::testing::replay_all` tells",
        );
    }
    (without(old, &now, 0), without(new, &known, 1))
}

/// The ids of all patches, in quotes, and the lines of the first of each.
fn patches(items: &[Item]) -> BTreeMap<&str, u32> {
    let mut found = BTreeMap::new();
    for item in items {
        if matches!(item.kind, Kind::IfPatched | Kind::Patched) {
            found.entry(item.label.as_str()).or_insert(item.line);
        }
        for (id, line) in item.lanes.iter().flat_map(|lane| patches(&lane.items)) {
            found.entry(id).or_insert(line);
        }
    }
    found
}

/// The items with every patch that is not `kept` replaced by one of its lanes. Nothing comes after
/// a lane that returns.
fn without(items: &[Item], kept: &BTreeMap<&str, u32>, lane: usize) -> Vec<Item> {
    let mut out: Vec<Item> = Vec::new();
    for item in items {
        let is_replaced = !kept.contains_key(item.label.as_str());
        match item.kind {
            Kind::Patched if is_replaced => {}
            Kind::IfPatched if is_replaced => {
                let seen = item.lanes.get(lane).map_or(&[][..], |lane| &lane.items);
                out.extend(without(seen, kept, lane));
                let returns = |item: &Item| matches!(item.kind, Kind::Return | Kind::ContinueAsNew);
                if !seen.is_empty() && out.last().is_some_and(returns) {
                    break;
                }
            }
            _ => {
                let mut item = item.clone();
                for part in &mut item.lanes {
                    part.items = without(&part.items, kept, lane);
                }
                out.push(item);
            }
        }
    }
    out
}
