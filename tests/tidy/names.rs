//! No two types of a crate have one name: a reader who finds it must not ask which one is meant.

use std::collections::BTreeMap;

use crate::source::{File, code};

const CRATES: &[&str] = &["flows-core/src/", "flows-pg/src/", "flows-macros/src/"];

/// Names that are still used twice, by crate. This list only gets shorter.
const USED_TWICE: &[(&str, &[&str])] =
    &[("flows-core/src/", &["Outcome"]), ("flows-pg/src/", &["Trust"])];

/// Names of several types of a crate that the list does not have, and names on it that have become unique.
pub(crate) fn used_twice(files: &[File]) -> Vec<String> {
    CRATES.iter().flat_map(|folder| complaints(folder, &repeated(folder, files))).collect()
}

fn complaints(folder: &str, repeated: &BTreeMap<String, Vec<&str>>) -> Vec<String> {
    let known = USED_TWICE.iter().find(|(of, _)| *of == folder).map_or(&[][..], |(_, names)| names);
    let new = repeated.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let new =
        new.map(|(name, files)| format!("`{name}` is the name of types in {}", files.join(", ")));
    let gone = known.iter().filter(|name| !repeated.contains_key(**name));
    let gone =
        gone.map(|name| format!("{folder}: `{name}` is unique by now: take it off the list"));
    new.chain(gone).collect()
}

/// The names that several files of a folder define, with these files; tests do not count.
fn repeated<'f>(folder: &str, files: &'f [File]) -> BTreeMap<String, Vec<&'f str>> {
    let mut defined = BTreeMap::<String, Vec<&str>>::new();
    let is_counted = |file: &&File| {
        let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
        file.path.starts_with(folder) && file.path.ends_with(".rs") && !is_test
    };
    for file in files.iter().filter(is_counted) {
        for name in types(&file.text) {
            defined.entry(name).or_default().push(&file.path);
        }
    }
    defined.retain(|_, files| files.len() > 1);
    defined
}

/// The types that a source defines, outside of its tests; of aliases those that no trait or `impl` has.
fn types(source: &str) -> Vec<String> {
    let code = code(source);
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter_map(defined_type).collect()
}

fn defined_type(line: &str) -> Option<String> {
    let item = line.trim_start();
    let item = match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => item,
    };
    let (keyword, rest) = item.split_once(' ')?;
    let is_associated = keyword == "type" && line.starts_with(' ');
    let is_type = ["struct", "enum", "union", "trait", "type"].contains(&keyword) && !is_associated;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (is_type && name.starts_with(char::is_uppercase)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_used_twice_is_found() {
        let texts = [
            "pub(crate) struct Planted<T>(T);\nimpl X for Planted { type Output = u8; }",
            "fn f() {}\nenum Planted {}",
            "// struct Planted\npub trait Other { type Output; }",
            "#[cfg(test)]\nmod tests {\n    struct Other;\n}",
        ];
        let files: Vec<_> = (0..)
            .zip(texts)
            .map(|(n, text)| File::planted(&format!("flows-pg/src/{n}.rs"), text))
            .collect();
        let found = complaints("flows-macros/src/", &repeated("flows-pg/src/", &files));
        let expected = "`Planted` is the name of types in flows-pg/src/0.rs, flows-pg/src/1.rs";
        assert!(found.contains(&expected.to_owned()), "{found:?}");
        assert!(
            !found
                .iter()
                .any(|complaint| complaint.contains("`Other`") || complaint.contains("`Output`"))
        );
    }

    #[test]
    fn a_name_on_the_list_that_is_unique_is_found() {
        let Some((folder, names)) = USED_TWICE.iter().find(|(_, names)| !names.is_empty()) else {
            return;
        };
        assert_eq!(complaints(folder, &BTreeMap::new()).len(), names.len());
    }
}
