//! What a pure module is made of: its own files, and every file that they use, however far away. None of them
//! names what a table of inputs could not repeat.

use std::collections::{BTreeMap, VecDeque};

use crate::rules::has_word;
use crate::source::{File, code};

/// Runtimes, channels, logs, clocks, chance, the outside, and stores.
const IMPURE: &[&str] = &[
    "tokio",
    "tracing",
    "futures_util",
    "mpsc",
    "oneshot",
    "clock",
    "Instant",
    "SystemTime::now",
    "rand",
    "uuid_v7",
    "now_v7",
    "new_v4",
    "RunKey::new",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread::spawn",
    "dyn Store",
    "Session",
];

/// The files of one crate, by their modules: `worker/run` is `crate::worker::run`, and the root has no name.
pub(crate) struct Modules<'a> {
    files: BTreeMap<String, &'a File>,
}

/// The names of a path.
type Path = Vec<String>;
/// Which module was found in which other one.
type Ways = BTreeMap<String, Option<String>>;

impl<'a> Modules<'a> {
    /// Of the crate in this folder.
    pub(crate) fn of(folder: &str, files: &'a [File]) -> Self {
        let module = |file: &'a File| {
            let inside = file.path.strip_prefix(folder)?.strip_suffix(".rs")?;
            let is_root = inside == "lib";
            Some((if is_root { String::new() } else { inside.to_owned() }, file))
        };
        Self { files: files.iter().filter_map(module).collect() }
    }

    /// What is impure about a module and everything that it uses.
    pub(crate) fn impurities(&self, module: &str) -> Vec<String> {
        let folder = format!("{module}/");
        let is_within = |path: &str| path == module || path.starts_with(&folder);
        let is_test = |path: &str| path.split('/').any(|name| name == "tests");
        let within = self.files.keys().filter(|path| is_within(path) && !is_test(path));
        let mut todo: VecDeque<String> = within.cloned().collect();
        let mut ways: Ways = todo.iter().map(|path| (path.clone(), None)).collect();
        let mut found = Vec::new();
        while let Some(path) = todo.pop_front() {
            let code = production(&self.files[&path].text);
            let named = IMPURE.iter().filter(|name| has_word(&code, name));
            found.extend(named.map(|name| self.said(&path, name, &ways)));
            for used in self.used(&path, &code) {
                if !ways.contains_key(&used) {
                    ways.insert(used.clone(), Some(path.clone()));
                    todo.push_back(used);
                }
            }
        }
        found
    }

    fn said(&self, path: &str, name: &str, ways: &Ways) -> String {
        let (mut way, mut at) = (String::new(), path);
        while let Some(Some(user)) = ways.get(at) {
            way.push_str(&format!(", used by {}", self.files[user].path));
            at = user;
        }
        format!("{}: names `{name}`{way}", self.files[path].path)
    }

    /// The modules that a module uses, of the same crate.
    fn used(&self, path: &str, code: &str) -> Vec<String> {
        let paths = named_paths(code).into_iter();
        let absolute = paths.filter_map(|named| self.absolute(path, &named));
        absolute.filter_map(|named| self.file_of(&named, 0)).filter(|used| used != path).collect()
    }

    /// A path from the root of the crate; none, if it leads out of it.
    fn absolute(&self, own: &str, named: &[String]) -> Option<Path> {
        let own: Path = own.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        match named.first()?.as_str() {
            "crate" => Some(named[1..].to_vec()),
            "self" => Some([&own, &named[1..]].concat()),
            "super" => {
                let ups = named.iter().take_while(|name| *name == "super").count();
                Some([&own[..own.len().checked_sub(ups)?], &named[ups..]].concat())
            }
            _ => {
                let is_child = self.files.contains_key(&[&own, &named[..1]].concat().join("/"));
                is_child.then(|| [&own, named].concat())
            }
        }
    }

    /// The file in which something is: where a module only passes a name on, the file from which it has it.
    fn file_of(&self, named: &[String], hops: usize) -> Option<String> {
        let is_file = |length: &usize| self.files.contains_key(&named[..*length].join("/"));
        let length = (0..=named.len()).rev().find(is_file)?;
        let module = named[..length].join("/");
        let Some(name) = named.get(length).filter(|_| hops < 8) else { return Some(module) };
        let passed_on = named_paths(&production(&self.files[&module].text)).into_iter();
        let origin = passed_on.filter(|path| path.len() > 1).find_map(|mut path| {
            let passes_all = path.last().is_some_and(|last| last == "*");
            if passes_all {
                path.pop();
                path.push(name.clone());
            }
            let is_it = path.last() == Some(name);
            let origin = self.absolute(&module, &path).filter(|_| is_it)?;
            let origin = self.file_of(&origin, hops + 1)?;
            let has_it = || has_word(&production(&self.files[&origin].text), name);
            (!passes_all || has_it()).then_some(origin)
        });
        Some(origin.unwrap_or(module))
    }
}

fn production(source: &str) -> String {
    let code = code(source);
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The paths that a source names: those of its `use`s, and those that begin at the crate or above.
fn named_paths(code: &str) -> Vec<Path> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ") {
        if !code[..at].ends_with(is_name) {
            let end = code[at..].find(';').map_or(code.len(), |end| at + end);
            expand(&[], &code[at + "use ".len()..end], &mut paths);
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let path = code[at..].split(|c: char| !is_name(c) && c != ':').next();
            let path = path.unwrap_or_default();
            let is_group = path.ends_with("::"); // of a `use`
            if !is_group && !code[..at].ends_with("::") {
                paths.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    paths
}

/// A tree of a `use`, as paths.
fn expand(before: &[String], tree: &str, paths: &mut Vec<Path>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return; // behind the last comma
    }
    let (way, group) = match tree.split_once('{') {
        Some((way, group)) => (way, Some(group.trim_end().trim_end_matches('}'))),
        None => (tree.split(" as ").next().unwrap_or_default(), None),
    };
    let names = way.split("::").map(str::trim).filter(|name| !name.is_empty());
    let path: Path = before.iter().cloned().chain(names.map(str::to_owned)).collect();
    let Some(group) = group else {
        if !path.is_empty() {
            paths.push(path);
        }
        return;
    };
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&path, &group[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&path, &group[start..], paths);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<_> = files.iter().map(|(path, text)| File::planted(path, text)).collect();
        assert_eq!(Modules::of("src/", &files).impurities("run"), expected);
    }

    #[test]
    fn what_is_far_away_is_found() {
        let files = [
            ("src/run.rs", "mod part;"),
            ("src/run/part.rs", "use crate::ids::{Key, shard_of};"),
            ("src/ids.rs", "use super::time;\nfn f() { time::now() }"),
            ("src/time.rs", "pub fn now() { std::time::SystemTime::now(); }"),
        ];
        let way =
            "src/time.rs: names `SystemTime::now`, used by src/ids.rs, used by src/run/part.rs";
        check(&files, &[way]);
    }

    #[test]
    fn a_path_in_the_middle_of_code_counts() {
        let files = [
            ("src/run.rs", "fn f() { crate::log::say() }"),
            ("src/log.rs", "pub fn say() { tracing::info!() }"),
        ];
        check(&files, &["src/log.rs: names `tracing`, used by src/run.rs"]);
    }

    #[test]
    fn a_name_that_is_passed_on_is_where_it_comes_from() {
        let store =
            "mod data;\npub use data::{Record, Row as Line};\npub trait Store: tokio::Any {}";
        let files = [
            ("src/run.rs", "use crate::store::{\n    Record,\n};"),
            ("src/store.rs", store),
            ("src/store/data.rs", "pub struct Record;"),
        ];
        check(&files, &[]);
        let all = "mod data;\npub use data::*;\npub trait Store: tokio::Any {}";
        check(&[files[0], ("src/store.rs", all), files[2]], &[]);
        let uses_the_trait = [("src/run.rs", "use crate::store::Store;"), files[1], files[2]];
        check(&uses_the_trait, &["src/store.rs: names `tokio`, used by src/run.rs"]);
    }

    #[test]
    fn tests_and_comments_may_name_anything() {
        let text = "//! No tokio.\nfn f() {}\n#[cfg(test)]\nmod tests {\n    use tokio::sync;\n}";
        check(&[("src/run.rs", text), ("src/run/tests.rs", "use tokio::sync;")], &[]);
    }
}
