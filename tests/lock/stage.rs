//! What the tests of edits share: definitions that stand still, and two modules of each edit.

use std::collections::BTreeSet;

use expect_test::Expect;
use flows::__private::{Registration, inventory};
use flows::prelude::*;
use flows::testing::{Level, Lock, LockReport};

/// What every edit may call.
pub(crate) mod common {
    use flows::prelude::*;

    use crate::runtime::Gate;

    #[activity]
    pub(crate) async fn a(ctx: &ActivityContext) -> Result<u64> {
        ctx.state::<Gate>()?.pass(1).await
    }

    #[activity]
    pub(crate) async fn b(ctx: &ActivityContext) -> Result<u64> {
        ctx.state::<Gate>()?.pass(2).await
    }

    #[activity]
    pub(crate) async fn c(ctx: &ActivityContext) -> Result<u64> {
        ctx.state::<Gate>()?.pass(3).await
    }

    #[durable]
    pub(crate) async fn a_and_b(ctx: &WorkflowContext) -> Result<u64> {
        let one = a(ctx).await?;
        if one > 9 {
            return Ok(one);
        }
        b(ctx).await
    }
}

/// Two modules, `old` and `new`, each with definitions of the same names.
macro_rules! sides {
    ({ $($old:item)* } => { $($new:item)* }) => {
        mod old {
            use crate::stage::common::*;
            use flows::prelude::*;
            use serde::{Deserialize, Serialize};
            $($old)*
        }
        mod new {
            use crate::stage::common::*;
            use flows::prelude::*;
            use serde::{Deserialize, Serialize};
            $($new)*
        }
    };
}
pub(crate) use sides;

/// A module with both sides.
macro_rules! edit {
    ($name:ident { $($old:item)* } => { $($new:item)* }) => {
        #[allow(dead_code, unused_imports, unused_variables, reason = "only what is recorded of them matters")]
        mod $name {
            $crate::stage::sides! { { $($old)* } => { $($new)* } }
        }
    };
}
pub(crate) use edit;

/// The definitions of a module of this program, and those that all share.
pub(crate) fn registry_of(module: &str) -> Registry {
    let mut registry = Registry::new();
    for registration in inventory::iter::<Registration> {
        let mut one = Registry::new();
        (registration.register)(&mut one);
        let workflows = one.workflows().map(|def| def.graph.path);
        let is_here = |path: &str| path.starts_with(&format!("{module}::"));
        if workflows.chain(one.activities().map(|def| def.path)).any(is_here) {
            (registration.register)(&mut registry);
        }
    }
    registry
}

/// What is said of an edit in one direction. The old side goes through the text of a file.
pub(crate) fn report(module: &str, from: &str, to: &str) -> LockReport {
    let [old, new] = [from, to].map(|side| Lock::of(&build(&format!("lock::{module}::{side}"))));
    let text = old.to_text();
    let read = Lock::parse(&text).expect("what was written is read");
    assert_eq!(read.to_text(), text, "what was read is written");
    read.compare(&new)
}

/// The definitions of one side of an edit.
pub(crate) fn build(module: &str) -> Registry {
    let mut registry = registry_of(module);
    for shared in registry_of("lock::stage::common").activities() {
        registry.add_activity(shared.clone());
    }
    registry
}

/// The names of the edits in a file: the modules in it that have an old side or a new one.
pub(crate) fn edits(file: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for registration in inventory::iter::<Registration> {
        let mut one = Registry::new();
        (registration.register)(&mut one);
        let paths = one.workflows().map(|def| def.graph.path);
        for path in paths.chain(one.activities().map(|def| def.path)) {
            let edit = path
                .strip_prefix("lock::")
                .and_then(|path| path.strip_prefix(file)?.strip_prefix("::"));
            let sides = edit
                .and_then(|edit| edit.split_once("::old::").or_else(|| edit.split_once("::new::")));
            found.extend(
                sides.map(|(name, _)| name.to_owned()).filter(|name| !name.ends_with("::open")),
            );
        }
    }
    found
}

/// What is said of each edit in a file and of taking it back, in short: level and what.
pub(crate) fn table(file: &str) -> String {
    let mut table = String::new();
    for name in edits(file) {
        let module = format!("{file}::{name}");
        table += &format!("{name}\n");
        table += &shown(">", &report(&module, "old", "new"));
        table += &shown("<", &report(&module, "new", "old"));
    }
    table
}

fn shown(direction: &str, report: &LockReport) -> String {
    let line = |finding: &flows::testing::Finding| {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        format!("  {direction} {level}: {}\n", finding.what)
    };
    let said: String = report.findings.iter().map(line).collect();
    match (said.is_empty(), report.outdated) {
        (true, true) => format!("  {direction} outdated\n"),
        (true, false) => format!("  {direction} nothing\n"),
        _ => said,
    }
}

/// The whole text of a report.
#[track_caller]
pub(crate) fn whole(module: &str, expected: &Expect) {
    expected.assert_eq(&masked(&report(module, "old", "new")));
}

/// A report without the numbers of lines.
pub(crate) fn masked(report: &LockReport) -> String {
    let text = report.to_string();
    let lines = text.lines().map(|line| match line.split_once(".rs:") {
        Some((before, _)) => format!("{before}.rs:…\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}
