//! The text form, read again: `flows.lock` is compared with what the source says now.

use super::Kind;
use super::resolve::{CallOption, Item, Lane};
use crate::outline::Line;

/// The items that some lines mean; else the line that means nothing, and why.
pub(crate) fn read(lines: &[Line]) -> Result<Vec<Item>, (u32, String)> {
    let mut items: Vec<Item> = Vec::new();
    for line in lines {
        if line.text == "else" {
            let branch = items.last_mut().filter(|item| item.is_branch() && item.lanes.len() == 1);
            let branch = branch.ok_or_else(|| (line.line, "`else` without an `if`".to_owned()))?;
            branch.lanes.push(Lane { label: String::new(), items: read(&line.inside)? });
            continue;
        }
        let (kind, label) = head(line)?;
        let told = line.inside.iter().map_while(option).collect::<Vec<_>>();
        let lanes = lanes(kind, &line.inside[told.len()..])?;
        items.push(Item { kind, label, line: line.line, options: told, lanes });
    }
    Ok(items)
}

/// What one line begins with, and what it is about.
fn head(line: &Line) -> Result<(Kind, String), (u32, String)> {
    let rest = |word: &str| {
        let rest = line.text.strip_prefix(word)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix(' ') }
    };
    let found = Kind::written().find_map(|(kind, word)| Some((kind, rest(word)?)));
    let (kind, label) =
        found.ok_or_else(|| (line.line, format!("`{}` is no step of a workflow", line.text)))?;
    let label = match kind {
        Kind::LetElse => label.strip_suffix(" else").unwrap_or(label),
        _ => label,
    };
    Ok((kind, label.to_owned()))
}

/// `with queue "gpu"`.
fn option(line: &Line) -> Option<CallOption> {
    let told = line.text.strip_prefix("with ").filter(|_| line.inside.is_empty())?;
    let (name, given) = told.split_once(' ').unwrap_or((told, ""));
    Some(CallOption::of(name, given))
}

fn lanes(kind: Kind, inside: &[Line]) -> Result<Vec<Lane>, (u32, String)> {
    let lane =
        |label: &str, line: &Line| Ok(Lane { label: label.to_owned(), items: read(&line.inside)? });
    let wrong =
        |line: &Line| (line.line, format!("`{}` is no part of `{}`", line.text, kind.word()));
    match kind {
        Kind::Match => {
            let label =
                |line: &Line| line.text.strip_suffix("=>").map(|text| text.trim().to_owned());
            inside.iter().map(|line| lane(&label(line).ok_or_else(|| wrong(line))?, line)).collect()
        }
        Kind::Join | Kind::TryJoin => inside
            .iter()
            .map(|line| if line.text == "lane" { lane("", line) } else { Err(wrong(line)) })
            .collect(),
        Kind::Select => {
            let mut lanes: Vec<Lane> = Vec::new();
            for line in inside {
                match line.text.strip_prefix("arm ") {
                    Some(label) => {
                        lanes.push(lane(label, line)?);
                        lanes.push(Lane { label: String::new(), items: Vec::new() });
                    }
                    None => {
                        let body = lanes.last_mut().filter(|_| line.text == "then");
                        body.ok_or_else(|| wrong(line))?.items = read(&line.inside)?;
                    }
                }
            }
            Ok(lanes)
        }
        _ if inside.is_empty() && !has_lanes(kind) => Ok(Vec::new()),
        _ => Ok(vec![Lane { label: String::new(), items: read(inside)? }]),
    }
}

/// Whether there is always something inside, be it nothing.
fn has_lanes(kind: Kind) -> bool {
    matches!(kind, Kind::If | Kind::IfPatched | Kind::Timeout)
}

impl Item {
    fn is_branch(&self) -> bool {
        matches!(self.kind, Kind::If | Kind::IfPatched)
    }
}
