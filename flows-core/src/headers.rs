//! Headers: short texts under names that a run has from its start, and that everything it causes carries on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::limits::check_name;

/// The most headers of a run, a signal or an update.
const MOST: usize = 32;
/// The most bytes of all their names and values.
const LARGEST: usize = 8 * 1024;
/// What names of the library's own begin with.
const RESERVED: &str = "$";
/// The name of what a payload codec has made of headers.
const ENCODED: &str = "$flows";

/// Headers: texts under names, such as a trace context or a user id. A run has those of its
/// [start](crate::engine::Start::header); its activities, its children and the runs that go on in its place have the
/// same, and so do the signals that it sends.
///
/// ```
/// let mut headers = flows_core::Headers::default();
/// headers.insert("user", "ann");
/// assert_eq!(headers.get("user"), Some("ann"));
/// ```
///
/// At most 32, with at most 8 KiB of names and values; names that begin with `$` are reserved.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<BTreeMap<String, String>>>);

impl Headers {
    /// The value under this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name).map(String::as_str)
    }

    /// Sets a value, in place of an earlier one of its name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        Arc::make_mut(self.0.get_or_insert_default()).insert(name.into(), value.into());
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().flat_map(|headers| headers.iter());
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|headers| headers.is_empty())
    }

    /// The same, and others, which come first.
    pub(crate) fn with(mut self, others: &Self) -> Self {
        others.iter().for_each(|(name, value)| self.insert(name, value));
        self
    }

    /// Their limits; `of` names whose they are.
    pub(crate) fn check(&self, of: &str) -> Result<()> {
        let Some(headers) = &self.0 else { return Ok(()) };
        if headers.len() > MOST {
            let message = format!("{of} has {} headers; allowed are {MOST}", headers.len());
            return Err(Error::invalid(message));
        }
        for (name, value) in self.iter() {
            check_name("name of a header", name)?;
            if name.starts_with(RESERVED) {
                return Err(Error::invalid(format!(
                    "header `{name}` has a reserved name: begin it with anything but `{RESERVED}`"
                )));
            }
            if value.contains('\0') {
                return Err(Error::invalid(format!("header `{name}` contains a NUL character")));
            }
        }
        let size = self.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if size > LARGEST {
            return Err(Error::invalid(format!(
                "the headers of {of} have {size} bytes; allowed are {LARGEST}: put what is large into the input"
            )));
        }
        Ok(())
    }

    /// As JSON text, if there are any.
    pub(crate) fn to_json(&self) -> Option<String> {
        if self.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// From JSON text: headers, or what a payload codec has made of them.
    pub(crate) fn from_json(json: &str) -> Result<Self> {
        Ok(serde_json::from_str(json)?)
    }

    /// Why they cannot be read, if a payload codec has encoded them and none has decoded them.
    pub(crate) fn unread(&self) -> Option<String> {
        let encoded = self.get(ENCODED)?;
        Some(format!(
            "they are encoded as `{}`; give the engine the codec and the key",
            encoded.split(';').next().unwrap_or_default()
        ))
    }

    /// What a payload codec has made of them, as it writes JSON.
    pub(crate) fn encoded(&self) -> Option<String> {
        self.get(ENCODED).map(|encoded| format!(r#"{{"{ENCODED}": "{encoded}"}}"#))
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(headers.into_iter().collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let mut headers = Self::default();
        all.into_iter().for_each(|(name, value)| headers.insert(name, value));
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_headers_are_no_memory_and_no_text() {
        assert_eq!(size_of::<Headers>(), size_of::<usize>());
        let none = Headers::default();
        assert_eq!((none.is_empty(), none.to_json(), none.get("user")), (true, None, None));
        none.check("the start").expect("none are allowed");
    }

    #[test]
    fn they_are_bounded() {
        let check =
            |headers: Headers| headers.check("the start").map_err(|error| error.to_string());
        let of = |count: usize| (0..count).map(|n| (format!("h{n}"), "x")).collect::<Headers>();
        check(of(MOST)).expect("as many as are allowed");
        let refused = [
            of(MOST + 1),
            [("large", "x".repeat(LARGEST))].into_iter().collect(),
            [("", "x")].into_iter().collect(),
            [("$flows", "x")].into_iter().collect(),
            [("user", "a\0b")].into_iter().collect(),
        ];
        expect_test::expect![[r#"
            the start has 33 headers; allowed are 32
            the headers of the start have 8197 bytes; allowed are 8192: put what is large into the input
            the name of a header is empty; allowed are 1 to 255 bytes of text
            header `$flows` has a reserved name: begin it with anything but `$`
            header `user` contains a NUL character
        "#]]
        .assert_eq(&(refused.map(|headers| check(headers).unwrap_err()).join("\n") + "\n"));
    }
}
