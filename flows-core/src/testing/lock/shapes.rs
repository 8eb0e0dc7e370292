//! Whether values that were written with one shape can be read with another, as JSON.
//!
//! The rules are serde's: a field that is missing is an error unless it is an `Option` or has a
//! default, a field that is not known is skipped, a variant that is not known is an error.

use super::report::{Findings, Level};
use crate::outline::Line;

/// One line of a shape: `customer (or client): option of str (optional)`.
struct ShapeLine<'a> {
    names: Vec<&'a str>,
    form: &'a str,
    presence: Presence,
    inside: &'a [Line],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
    Perhaps,
}

impl<'a> ShapeLine<'a> {
    fn of(line: &'a Line) -> Self {
        let (names, form) = line.text.split_once(": ").unwrap_or((&line.text, "unit"));
        let (first, others) = names.split_once(" (or ").unwrap_or((names, ""));
        let others = others.trim_end_matches(')').split(", ").filter(|name| !name.is_empty());
        let presence =
            [(" (optional)", Presence::Optional), (" (perhaps optional)", Presence::Perhaps)];
        let (form, presence) = presence
            .into_iter()
            .find_map(|(end, presence)| Some((form.strip_suffix(end)?, presence)))
            .unwrap_or((form, Presence::Required));
        let names = std::iter::once(first).chain(others).collect();
        Self { names, form, presence, inside: &line.inside }
    }

    fn name(&self) -> &'a str {
        self.names[0]
    }

    fn is(&self, other: &ShapeLine<'_>) -> bool {
        self.names.iter().any(|name| other.names.contains(name))
    }
}

/// Compares `input: struct` and its like; `otherwise` is what to do where serde has no help.
pub(super) fn compare(old: &Line, new: &Line, otherwise: &str, findings: &mut Findings) {
    let (old, new) = (ShapeLine::of(old), ShapeLine::of(new));
    let mut comparison = Comparison { otherwise, findings };
    comparison.forms(old.name(), [old.form, new.form], [old.inside, new.inside]);
}

struct Comparison<'a, 'f> {
    otherwise: &'a str,
    findings: &'f mut Findings,
}

impl Comparison<'_, '_> {
    fn error(&mut self, what: String, serde: &str) {
        self.findings.add(Level::Error, what, format!("{serde}; or {}", self.otherwise));
    }

    /// What a value is, layer by layer, and then what is inside.
    fn forms(&mut self, path: &str, forms: [&str; 2], inside: [&[Line]; 2]) {
        let [old, new] = forms;
        for layer in ["option of ", "list of "] {
            if let (Some(old), Some(new)) = (old.strip_prefix(layer), new.strip_prefix(layer)) {
                return self.forms(path, [old, new], inside);
            }
        }
        if let (Some((old_key, old)), Some((new_key, new))) = (map(old), map(new)) {
            self.forms(&format!("{path} (key)"), [old_key, new_key], [&[], &[]]);
            return self.forms(path, [old, new], inside);
        }
        if let Some(new) = new.strip_prefix("option of ") {
            return self.forms(path, [old, new], inside);
        }
        if let Some(old) = old.strip_prefix("option of ") {
            let what =
                format!("`{path}` is no `Option` any more, and may have been written as null");
            self.error(what, "keep the `Option`");
            return self.forms(path, [old, new], inside);
        }
        let is_struct = |form: &str| form == "struct" || form == "strict struct";
        match (old, new) {
            _ if is_struct(old) && is_struct(new) => self.fields(path, inside, new),
            ("enum", "enum") => self.variants(path, inside),
            _ if old == new && old.starts_with("tuple") => self.elements(path, inside),
            _ if old == new || is_wider(old, new) || new == "any" => {}
            ("any" | "unknown", _) | (_, "unknown") => self.findings.add(
                Level::Warning,
                format!("`{path}` was {old} and is {new}"),
                "the type does not tell what it reads: replay recorded histories",
            ),
            _ => {
                let what = format!("`{path}` was {old} and is {new}");
                self.error(what, "put the new type into another field, with `#[serde(default)]`");
            }
        }
    }

    fn fields(&mut self, path: &str, inside: [&[Line]; 2], form: &str) {
        let [old, new] = inside.map(|lines| lines.iter().map(ShapeLine::of).collect::<Vec<_>>());
        let gone: Vec<_> = old.iter().filter(|old| !new.iter().any(|new| new.is(old))).collect();
        for field in &old {
            let Some(now) = new.iter().find(|new| new.is(field)) else { continue };
            let path = at(path, field.name());
            self.forms(&path, [field.form, now.form], [field.inside, now.inside]);
            if (field.presence, now.presence) == (Presence::Optional, Presence::Required)
                && !field.form.starts_with("option of ")
            {
                let what = format!("`{path}` may not be missing any more");
                self.error(
                    what,
                    "keep `#[serde(default)]`: values from before it have no such field",
                );
            }
        }
        let mut renamed = Vec::new();
        for field in new.iter().filter(|new| !old.iter().any(|old| old.is(new))) {
            let former = gone.iter().find(|gone| gone.form == field.form);
            renamed.extend(former.map(|former| former.name()));
            self.new_field(path, field, former.map(|former| former.name()));
        }
        for field in gone.iter().filter(|gone| !renamed.contains(&gone.name())) {
            self.gone_field(path, field.name(), form == "strict struct");
        }
    }

    fn new_field(&mut self, within: &str, field: &ShapeLine<'_>, former: Option<&str>) {
        let path = at(within, field.name());
        match (field.presence, former) {
            (Presence::Required, Some(former)) => {
                let what = format!("the field `{}` became `{path}`", at(within, former));
                let alias = format!("`#[serde(alias = \"{former}\")]` reads what is recorded");
                self.error(what, &alias);
            }
            (Presence::Required, None) => {
                let what = format!("the new field `{path}` is missing in what is recorded");
                self.error(what, "give it `#[serde(default)]`, or make it an `Option`");
            }
            (Presence::Perhaps, _) => self.findings.add(
                Level::Warning,
                format!("the new field `{path}` may be missing in what is recorded"),
                "whether its type has a default could not be found out: add `#[serde(default)]`",
            ),
            (Presence::Optional, Some(former)) => self.findings.add(
                Level::Warning,
                format!(
                    "the field `{}` is gone, and `{path}` of the same type is new",
                    at(within, former)
                ),
                format!(
                    "if it is the same field, `#[serde(alias = \"{former}\")]` keeps what is recorded"
                ),
            ),
            (Presence::Optional, None) => self.findings.add(
                Level::Note,
                format!("the new field `{path}` may be missing"),
                "values that are recorded are read as before",
            ),
        }
    }

    fn gone_field(&mut self, path: &str, name: &str, strict: bool) {
        let path = at(path, name);
        if strict {
            let what = format!("the field `{path}` is gone, and `deny_unknown_fields` refuses it");
            return self.error(what, "keep it, or allow unknown fields");
        }
        self.findings.add(
            Level::Warning,
            format!("the field `{path}` is gone"),
            "what is recorded in it is ignored",
        );
    }

    fn variants(&mut self, path: &str, inside: [&[Line]; 2]) {
        let [old, new] = inside.map(|lines| lines.iter().map(ShapeLine::of).collect::<Vec<_>>());
        for variant in &old {
            let path = format!("{path}::{}", variant.name());
            let Some(now) = new.iter().find(|new| new.is(variant)) else {
                let name = variant.name();
                let rename =
                    format!("keep it, or read it as another: `#[serde(alias = \"{name}\")]`");
                self.error(format!("the variant `{path}` is gone"), &rename);
                continue;
            };
            self.forms(&path, [variant.form, now.form], [variant.inside, now.inside]);
        }
        for variant in new.iter().filter(|new| !old.iter().any(|old| old.is(new))) {
            let what = format!("the variant `{path}::{}` is new", variant.name());
            self.findings.add(Level::Note, what, "values that are recorded are read as before");
        }
    }

    fn elements(&mut self, path: &str, [old, new]: [&[Line]; 2]) {
        for (old, new) in old.iter().zip(new) {
            let (old, new) = (ShapeLine::of(old), ShapeLine::of(new));
            let path = at(path, old.name());
            self.forms(&path, [old.form, new.form], [old.inside, new.inside]);
        }
    }
}

fn at(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}

/// Key and value of `map of str to u8`.
fn map(form: &str) -> Option<(&str, &str)> {
    form.strip_prefix("map of ")?.split_once(" to ")
}

/// Whether every number that was written as one type can be read as another.
fn is_wider(old: &str, new: &str) -> bool {
    let bits = |form: &str, sign: char| form.strip_prefix(sign)?.parse::<u32>().ok();
    let unsigned = |form| bits(form, 'u');
    let signed = |form| bits(form, 'i');
    match (unsigned(old), signed(old)) {
        (Some(old), _) => {
            unsigned(new).is_some_and(|new| new > old) || signed(new).is_some_and(|new| new > old)
        }
        (_, Some(old)) => signed(new).is_some_and(|new| new > old),
        _ => old == "f32" && new == "f64" || old == "char" && new == "str",
    }
}
