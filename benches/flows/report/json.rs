//! Everything that was measured, for programs.

use std::path::Path;

use flows::prelude::*;
use serde_json::{Value, json};

use super::{Line, Report};
use crate::machine::Machine;

/// Writes the file, with what the table shows worked out.
pub(crate) fn write(path: &Path, machine: &Machine, report: &Report) -> Result<()> {
    let lines = report.lines.iter().map(line).collect::<Result<Vec<_>>>()?;
    let document = json!({ "machine": machine, "lines": lines, "series": report.series });
    Ok(std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")?)
}

fn line(line: &Line) -> Result<Value> {
    let mut value = serde_json::to_value(line)?;
    value["of_bare"] = json!(line.of_bare());
    value["of_protocol"] = json!(line.of_protocol());
    value["met"] = json!(line.met());
    value["share_met"] = json!(line.share_met());
    Ok(value)
}
