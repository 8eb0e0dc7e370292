//! Which modules of a crate may use which: those that are lower, and no others. So no two of them know each
//! other, and each can be read without what stands on it.

use crate::source::{File, code};

/// Of each crate, its modules from the lowest to the highest. Those of one line do not use each other.
const CRATES: &[(&str, &[&str])] = &[
    (
        "flows-core/src/",
        &[
            "named",
            "bytes clock error outline panics source time",
            "ids limits policy retry",
            "attribute headers schedule shape",
            "payload",
            "journal store",
            "codec completion ending telemetry",
            "memory",
            "replay",
            "durable",
            "combinators context",
            "definition",
            "calls registry",
            "engine graph lint",
            "private worker",
            "testing",
        ],
    ),
    (
        "flows-pg/src/",
        &[
            "counters dev parts sql types",
            "names rows testing",
            "error",
            "connect pooler",
            "link source",
            "hints settings unfinished",
            "closing",
            "relay reserve session",
            "store",
            "migrate",
            "builder check dead_letters engine exactly_once history load outcomes overdue query read_items \
             register renew tenant updates",
            "check_tasks claim claim_stuck claim_tasks collect pause publish_items read_inboxes release reload scan scope",
            "attributes",
            "describe dismiss find held poll retire retry_stuck",
            "list send start stuck",
            "end_tasks schedules tell_children",
            "commit rerun signal_with_start terminate",
            "fork",
            "transaction",
        ],
    ),
    (
        "flows-macros/src/",
        &[
            "docs errors runtime",
            "args",
            "error_class join model register signal",
            "expand select test update",
            "fallback graph lint",
            "rewrite",
            "definition durable",
        ],
    ),
];

/// Each module is in a line, and uses only what is in lines above its own.
pub(crate) fn uses_what_is_lower(file: &File) -> Vec<String> {
    let Some((folder, lines)) = CRATES.iter().find(|(folder, _)| file.path.starts_with(folder))
    else {
        return Vec::new();
    };
    let inside = &file.path[folder.len()..];
    let module = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if module == "lib" || inside.ends_with("tests.rs") || inside.split('/').any(|it| it == "tests")
    {
        return Vec::new();
    }
    let line_of =
        |module: &str| lines.iter().position(|line| line.split_whitespace().any(|it| it == module));
    let Some(own) = line_of(module) else {
        return vec![format!("{}: `{module}` is in no line of `tests/tidy/layers.rs`", file.path)];
    };
    let used = used_modules(&file.text).into_iter().filter(|used| used != module);
    let higher = used.filter(|used| line_of(used).is_some_and(|line| line >= own));
    higher
        .map(|used| format!("{}: uses `{used}`, which is not lower than `{module}`", file.path))
        .collect()
}

/// What follows `crate::`, in code that is not of tests.
fn used_modules(source: &str) -> Vec<String> {
    let code = code(source);
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut used: Vec<_> = code.split("crate::").skip(1).flat_map(heads).collect();
    used.sort_unstable();
    used.dedup();
    used
}

/// The first names of a path, or of each path of a group.
fn heads(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else { return vec![head(path)] };
    let (mut depth, mut heads) = (0_usize, vec![head(group)]);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(head(&group[at + 1..])),
            _ => {}
        }
    }
    heads
}

fn head(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(uses_what_is_lower(&File::planted(path, text)), expected);
    }

    #[test]
    fn a_module_uses_what_is_lower() {
        check("flows-core/src/worker/seal.rs", "use crate::engine::Engine;", &[]);
        check("flows-core/src/worker/seal.rs", "use crate::worker::Worker;", &[]);
        check("flows-pg/src/session.rs", "use crate::source::Source;", &[]);
        check("flows-core/src/lib.rs", "use crate::testing::TestEnv;", &[]);
        check("flows-core/src/engine/tests.rs", "use crate::testing::TestEnv;", &[]);
        let with_tests =
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::testing::TestEnv;\n}";
        check("flows-core/src/engine.rs", with_tests, &[]);
    }

    #[test]
    fn what_is_higher_or_beside_it_is_found() {
        let worker =
            "flows-core/src/engine/send.rs: uses `worker`, which is not lower than `engine`";
        check("flows-core/src/engine/send.rs", "use crate::worker::end;", &[worker]);
        check("flows-core/src/engine/send.rs", "fn f() { crate::worker::end() }", &[worker]);
        let group = "use crate::{ids::RunKey, worker::{a, b}};";
        check("flows-core/src/engine/send.rs", group, &[worker]);
        let beside = "flows-core/src/store.rs: uses `journal`, which is not lower than `store`";
        check("flows-core/src/store.rs", "use crate::journal;", &[beside]);
        let context =
            "flows-core/src/replay/machine.rs: uses `context`, which is not lower than `replay`";
        check("flows-core/src/replay/machine.rs", "use crate::context::Signal;", &[context]);
        let unknown = "flows-core/src/news.rs: `news` is in no line of `tests/tidy/layers.rs`";
        check("flows-core/src/news.rs", "", &[unknown]);
    }
}
