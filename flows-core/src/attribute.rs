//! Search attributes: typed values that runs have under names, and that lists ask for.
//!
//! A store keeps a value as bytes, the kind first, whose order is the order of the values of that kind. So one index
//! serves values of all kinds, and a value of another kind is never equal and never in a range.

use std::collections::BTreeMap;
use std::ops::{Bound, Range, RangeBounds};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits::check_name;
use crate::time::Timestamp;

/// The most attributes that a start gives, and that a run sets.
const MOST_ATTRIBUTES: usize = 32;
/// The longest text of an attribute, in bytes.
const LONGEST: usize = 1_000;

/// The attributes of a run, by name.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// The value of a search attribute: made from text, an integer, a time, or a truth value.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttributeValue {
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A time, to the microsecond.
    Timestamp(SystemTime),
    /// Text, at most 1,000 bytes, compared byte by byte.
    Text(String),
}

impl AttributeValue {
    /// As a store keeps it.
    pub fn encode(&self) -> Vec<u8> {
        // the smallest number first
        let number = |number: i64| (number ^ i64::MIN).to_be_bytes().to_vec();
        let bytes = match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::Integer(value) => number(*value),
            Self::Timestamp(at) => number(Timestamp::from(*at).0),
            Self::Text(text) => text.clone().into_bytes(),
        };
        [vec![self.kind()], bytes].concat()
    }

    /// What a store has kept; `None` is of another build.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, bytes) = bytes.split_first()?;
        let number = || Some(i64::from_be_bytes(bytes.try_into().ok()?) ^ i64::MIN);
        Some(match kind {
            1 => Self::Boolean(bytes == [1]),
            2 => Self::Integer(number()?),
            3 => Self::Timestamp(Timestamp(number()?).into()),
            4 => Self::Text(String::from_utf8(bytes.to_vec()).ok()?),
            _ => return None,
        })
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Boolean(_) => 1,
            Self::Integer(_) => 2,
            Self::Timestamp(_) => 3,
            Self::Text(_) => 4,
        }
    }

    /// Its limits, and those of its name.
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_name("name of an attribute", name)?;
        let Self::Text(text) = self else { return Ok(()) };
        if text.len() > LONGEST {
            return Err(Error::invalid(format!(
                "the text of attribute `{name}` has {} bytes; allowed are {LONGEST}: store what is longer \
                 elsewhere, and its key as the attribute",
                text.len()
            )));
        }
        if text.contains('\0') {
            let message = format!("the text of attribute `{name}` contains a NUL character");
            return Err(Error::invalid(message));
        }
        Ok(())
    }
}

/// An error where one more is too many.
pub(crate) fn check_count(who: &str, count: usize) -> Result<()> {
    if count <= MOST_ATTRIBUTES {
        return Ok(());
    }
    Err(Error::invalid(format!("{who} has {count} attributes; allowed are {MOST_ATTRIBUTES}")))
}

macro_rules! from {
    ($($kind:ident from $($type:ty),+;)+) => {$($(
        impl From<$type> for AttributeValue {
            fn from(value: $type) -> Self {
                Self::$kind(value.into())
            }
        }
    )+)+};
}

from! {
    Boolean from bool;
    Integer from i8, i16, i32, i64, u8, u16, u32;
    Text from String, &String, &str, std::borrow::Cow<'_, str>;
}

impl From<SystemTime> for AttributeValue {
    fn from(time: SystemTime) -> Self {
        Self::Timestamp(Timestamp::from(time).into())
    }
}

/// What an attribute of a run must be: in one of these ranges, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilter {
    /// The name.
    pub name: String,
    /// From, and up to; none of them overlap.
    pub ranges: Vec<Range<Vec<u8>>>,
}

impl AttributeFilter {
    /// One of these values.
    pub fn one_of(
        name: impl Into<String>,
        values: impl IntoIterator<Item = AttributeValue>,
    ) -> Self {
        let mut values = values.into_iter().map(|value| value.encode()).collect::<Vec<_>>();
        values.sort_unstable();
        values.dedup();
        let ranges = values.into_iter().map(|value| value.clone()..behind(value)).collect();
        Self { name: name.into(), ranges }
    }

    /// A value in this range; its bounds say of which kind.
    pub fn within(name: impl Into<String>, range: &impl RangeBounds<AttributeValue>) -> Self {
        let kind = |bound: Bound<&AttributeValue>| match bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(value.kind()),
            Bound::Unbounded => None,
        };
        let (start, end) = (range.start_bound(), range.end_bound());
        let from = match start {
            Bound::Included(value) => value.encode(),
            Bound::Excluded(value) => behind(value.encode()),
            Bound::Unbounded => kind(end).into_iter().collect(),
        };
        let until = match end {
            Bound::Included(value) => behind(value.encode()),
            Bound::Excluded(value) => value.encode(),
            Bound::Unbounded => vec![kind(start).map_or(u8::MAX, |kind| kind + 1)],
        };
        Self { name: name.into(), ranges: vec![from..until] }
    }

    /// Whether a run with these attributes passes.
    pub fn passes(&self, attributes: &Attributes) -> bool {
        let value = attributes.get(&self.name).map(AttributeValue::encode);
        value.is_some_and(|value| self.ranges.iter().any(|range| range.contains(&value)))
    }

    /// The values, if it asks for single ones.
    pub fn values(&self) -> Option<Vec<Vec<u8>>> {
        let single = |range: &Range<Vec<u8>>| {
            (behind(range.start.clone()) == range.end).then(|| range.start.clone())
        };
        self.ranges.iter().map(single).collect()
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_name("name of an attribute", &self.name)?;
        if self.ranges.len() > MOST_ATTRIBUTES {
            return Err(Error::invalid(format!(
                "the list asks for {} values of attribute `{}`; allowed are {MOST_ATTRIBUTES}",
                self.ranges.len(),
                self.name
            )));
        }
        Ok(())
    }
}

/// The next of all byte strings.
fn behind(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn values() -> Vec<AttributeValue> {
        let numbers = [i64::MIN, -256, -1, 0, 1, 255, 256, i64::MAX].map(AttributeValue::Integer);
        let second = Duration::new(1, 1_000);
        let times = [UNIX_EPOCH - second, UNIX_EPOCH, UNIX_EPOCH + second];
        let texts = ["", "a", "a\u{1}", "ab", "b", "ü"].map(AttributeValue::from);
        let all = [false, true].map(AttributeValue::from).into_iter();
        all.chain(numbers).chain(times.map(AttributeValue::from)).chain(texts).collect()
    }

    #[test]
    fn bytes_are_in_the_order_of_values_and_lead_back() {
        let values = values();
        let bytes = values.iter().map(AttributeValue::encode).collect::<Vec<_>>();
        assert!(bytes.is_sorted_by(|a, b| a < b), "{bytes:?}");
        assert!(values.is_sorted_by(|a, b| a < b), "{values:?}");
        let decoded = bytes.iter().map(|bytes| AttributeValue::decode(bytes).expect("a value"));
        assert_eq!(decoded.collect::<Vec<_>>(), values);
        for strange in [&[][..], &[0], &[9, 1], &[2, 1], &[4, 0xff]] {
            assert_eq!(AttributeValue::decode(strange), None);
        }
    }

    #[test]
    fn ranges_have_what_lies_in_them_and_is_of_their_kind() {
        let values = values();
        let passing = |filter: &AttributeFilter| {
            let has = |value: &AttributeValue| [("n".to_owned(), value.clone())].into();
            let passing = values.iter().filter(|value| filter.passes(&has(value)));
            passing.cloned().collect::<Vec<_>>()
        };
        for (at, from) in values.iter().enumerate() {
            for (last, until) in values.iter().enumerate().skip(at) {
                let range = AttributeFilter::within("n", &(from.clone()..until.clone()));
                assert_eq!(passing(&range), values[at..last]);
                let range = AttributeFilter::within("n", &(from.clone()..=until.clone()));
                assert_eq!(passing(&range), values[at..=last]);
            }
            let is_of_it = |value: &&AttributeValue| value.kind() == from.kind();
            let open = AttributeFilter::within("n", &(from.clone()..));
            let expected = values[at..].iter().filter(is_of_it).cloned().collect::<Vec<_>>();
            assert_eq!(passing(&open), expected);
            let open = AttributeFilter::within("n", &(..from.clone()));
            let expected = values[..at].iter().filter(is_of_it).cloned().collect::<Vec<_>>();
            assert_eq!(passing(&open), expected);
            let one = AttributeFilter::one_of("n", [from.clone(), from.clone()]);
            assert_eq!(passing(&one), std::slice::from_ref(from));
            assert_eq!(one.values(), Some(vec![from.encode()]));
        }
        assert!(!AttributeFilter::within("n", &..).passes(&Attributes::new()));
        assert_eq!(passing(&AttributeFilter::within("n", &..)), values);
        assert_eq!(AttributeFilter::within("n", &..).values(), None);
    }
}
