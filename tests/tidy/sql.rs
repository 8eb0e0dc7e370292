//! The SQL statements: one file, one constant, a header that says who sends it.

use std::collections::BTreeMap;

use crate::source::File;

const FOLDER: &str = "flows-pg/src/sql/";

/// Whether the file is a statement of the PostgreSQL store.
pub(crate) fn is_statement(path: &str) -> bool {
    path.starts_with(FOLDER) && path.ends_with(".sql")
}

/// The first lines say what the statement does and who sends it.
pub(crate) fn has_a_header(file: &File) -> Vec<String> {
    let header: Vec<_> = file.text.lines().take_while(|line| line.starts_with("--")).collect();
    let header = header.join(" ");
    let says_who = ["Called", "Sent"].iter().any(|word| header.contains(word));
    if says_who {
        return Vec::new();
    }
    vec![format!("{}: its header comment does not say who sends it (`Called by …`)", file.path)]
}

/// How often each statement is named in the store's code, by name.
pub(crate) fn uses(files: &[File]) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::new();
    let code = files.iter().filter(|f| f.path.starts_with("flows-pg/") && f.path.ends_with(".rs"));
    for name in code.flat_map(|file| names(&file.text)) {
        *uses.entry(name).or_default() += 1;
    }
    uses
}

/// `CLAIM = "claim",` in the list of statements; `include_str!("sql/claim.sql")` beside it.
fn names(text: &str) -> Vec<String> {
    let listed = text.split_once("\nstatements! {").and_then(|(_, list)| list.split_once('}'));
    let listed = listed.map(|(list, _)| list).unwrap_or_default().lines();
    let listed = listed.filter_map(|line| line.split('"').nth(1)).map(str::to_owned);
    let texts = text.split("include_str!(\"").skip(1).chain(text.split("session!(\"").skip(1));
    let included = texts.filter_map(|rest| {
        let path = rest.split('"').next()?;
        let name = path.strip_suffix(".sql")?.rsplit_once("sql/")?.1;
        Some(name.to_owned())
    });
    listed.chain(included).collect()
}

/// One file is one constant.
pub(crate) fn is_used_once(file: &File, uses: &BTreeMap<String, usize>) -> Vec<String> {
    let name = file.path.trim_start_matches(FOLDER).trim_end_matches(".sql");
    match uses.get(name).copied().unwrap_or(0) {
        1 => Vec::new(),
        count => vec![format!("{}: is {count} constants; it should be 1", file.path)],
    }
}

/// A sentence stands above each conflict that is ignored or merged.
pub(crate) fn explains_its_conflicts(file: &File) -> Vec<String> {
    let code = file.text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let conflicts = code.filter(|line| line.contains("ON CONFLICT")).count();
    let reasons = file.text.matches("-- Idempotent: ").count();
    if reasons >= conflicts {
        return Vec::new();
    }
    let path = &file.path;
    vec![format!("{path}: {conflicts} ON CONFLICT, {reasons} `-- Idempotent: …` to explain them")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: impl Fn(&File) -> Vec<String>, text: &str, expected: &[&str]) {
        assert_eq!(rule(&File::planted("flows-pg/src/sql/a.sql", text)), expected, "{text}");
    }

    #[test]
    fn a_missing_header_is_found() {
        let message = "flows-pg/src/sql/a.sql: its header comment does not say who sends it \
                       (`Called by …`)";
        check(has_a_header, "-- Ends a run.\n-- Called by `end`.\nSELECT 1", &[]);
        check(has_a_header, "SELECT 1 -- Called by `end`.", &[message]);
        check(has_a_header, "-- Ends a run.\nSELECT 1", &[message]);
    }

    #[test]
    fn a_statement_that_is_not_one_constant_is_found() {
        let list = "\nstatements! {\n    A = \"a\",\n    B = \"b\",\n}\nlet x = \"c\";";
        let code = |text: &str| vec![File::planted("flows-pg/src/sql.rs", text)];
        let rule = |text: &str| {
            let uses = uses(&code(text));
            move |file: &File| is_used_once(file, &uses)
        };
        check(rule(list), "", &[]);
        check(rule("const A: &str = include_str!(\"sql/a.sql\");"), "", &[]);
        let never = "flows-pg/src/sql/a.sql: is 0 constants; it should be 1";
        check(rule("\nstatements! {\n    B = \"b\",\n}"), "", &[never]);
        let twice = "flows-pg/src/sql/a.sql: is 2 constants; it should be 1";
        check(rule(&format!("{list}include_str!(\"../sql/a.sql\")")), "", &[twice]);
    }

    #[test]
    fn an_unexplained_conflict_is_found() {
        let insert = "INSERT INTO a VALUES (1)\nON CONFLICT DO NOTHING";
        check(explains_its_conflicts, &format!("-- Idempotent: a is a.\n{insert}"), &[]);
        check(explains_its_conflicts, "-- There is no ON CONFLICT here.", &[]);
        let message = "flows-pg/src/sql/a.sql: 1 ON CONFLICT, 0 `-- Idempotent: …` to explain them";
        check(explains_its_conflicts, insert, &[message]);
    }
}
