//! Texts and values of errors, such that an error can always be stored.
//!
//! PostgreSQL's text and jsonb hold no NUL, so it becomes `␀`, the character that pictures it. What is
//! longer than its limit is cut off and says so. A chain of causes may be without end.

use std::fmt::{self, Display, Write};

use serde_json::Value;

/// The longest message, in bytes. What is stored of it is [less](super::bounded).
pub(super) const MESSAGE: usize = 4 << 20;
/// The longest reason of a stuck run.
const REASON: usize = 64 << 10;
/// The longest message of a cause.
pub(super) const CAUSE: usize = 4 * 1024;
/// Room for the note about what was cut off.
const NOTE: usize = 64;
/// The most causes.
pub(super) const CAUSES: usize = 32;

/// A text as it can be stored.
pub(crate) fn storable(text: String) -> String {
    within(text, MESSAGE)
}

/// Why a run is stuck, as it can be stored.
pub(crate) fn storable_reason(text: String) -> String {
    within(text, REASON)
}

/// A text of at most so many bytes, a note about what was cut off included: so nothing is cut twice.
pub(super) fn within(text: String, limit: usize) -> String {
    let mut text = if text.contains('\0') { text.replace('\0', "␀") } else { text };
    if text.len() > limit {
        text.truncate(boundary(&text, limit.saturating_sub(NOTE)));
        let _ = write!(text, "… (cut off: it has more than {limit} bytes)");
    }
    text
}

/// What a value of the user's says: no more than can be stored, also where it says it without end or
/// fails on the way.
pub(super) fn displayed(value: &dyn Display, limit: usize) -> String {
    let mut said = Bounded { text: String::new(), limit };
    let _ = write!(said, "{value}");
    within(said.text, limit)
}

/// The last place where the text can be cut that is not behind this one.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Takes what is written until it is more than the limit.
struct Bounded {
    text: String,
    limit: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() > self.limit {
            return Err(fmt::Error);
        }
        let most = boundary(more, self.limit + 4); // one character more than fits
        self.text.push_str(&more[..most]);
        Ok(())
    }
}

/// A value as it can be stored.
pub(super) fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "␀")),
        Value::Array(values) => values.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            let field =
                |(name, value): (String, Value)| (name.replace('\0', "␀"), without_nul(value));
            Value::Object(fields.into_iter().map(field).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Error, ErrorRecord};
    use super::*;

    /// Says this, again and again, without end.
    struct Endless;

    impl Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("äß")?;
            }
        }
    }

    /// Is its own cause.
    #[derive(Debug)]
    struct Circle;

    impl Display for Circle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("round\0and round")
        }
    }

    impl std::error::Error for Circle {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(self)
        }
    }

    /// Fails to say what it is.
    #[derive(Debug)]
    struct Mute;

    impl Display for Mute {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half of it")?;
            Err(fmt::Error)
        }
    }

    impl std::error::Error for Mute {}

    #[test]
    fn a_nul_is_shown() {
        assert_eq!(Error::terminal("a\0b\0").message(), "a␀b␀");
        assert_eq!(Error::retryable("x").with_message("\0").message(), "␀");
        let details = json!({"k\0": ["v\0", {"w": "\0"}, 1]});
        let error = Error::terminal_with(details);
        assert_eq!(error.details(), Some(json!({"k␀": ["v␀", {"w": "␀"}, 1]})));
        assert_eq!(error.message(), r#"{"k␀":["v␀",{"w":"␀"},1]}"#);
        let stored = serde_json::to_string(&ErrorRecord::from(&error)).expect("JSON");
        assert!(!stored.contains("\\u0000") && !stored.contains('\0'), "{stored}");
    }

    #[test]
    fn a_stored_error_is_taken_as_it_can_be_stored() {
        let record =
            json!({"kind": "terminal", "message": "a\0", "chain": ["b\0"], "details": "c\0"});
        let record: ErrorRecord = serde_json::from_value(record).expect("a record");
        let error = Error::from(record);
        assert_eq!(format!("{error:#}"), "a␀: b␀");
        assert_eq!(error.details::<String>().as_deref(), Some("c␀"));
    }

    #[test]
    fn a_long_message_is_cut_off_and_says_so() {
        let error = Error::terminal("ä".repeat(MESSAGE));
        assert!(error.message().ends_with("ä… (cut off: it has more than 4194304 bytes)"));
        assert!((MESSAGE - 64..=MESSAGE).contains(&error.message().len()));
        assert_eq!(error.clone().message(), error.message(), "once");
        let said = displayed(&Endless, 70);
        assert_eq!(said, "äßä… (cut off: it has more than 70 bytes)");
        assert_eq!(displayed(&"äß", 4), "äß");
        assert!(storable_reason("x".repeat(REASON + 1)).len() <= REASON);
        let nul = Error::terminal("\0".repeat(MESSAGE / 2));
        assert!(nul.message().len() <= MESSAGE && nul.message().starts_with('␀'));
    }

    #[test]
    fn a_chain_without_end_is_cut_off() {
        let error = Error::from(Circle);
        assert_eq!(error.message(), "round␀and round");
        assert_eq!(error.chain().count(), CAUSES + 1);
        assert_eq!(error.clone().chain().count(), CAUSES + 1);
        assert_eq!(error.chain().last(), Some("… (cut off after 32 causes)"));
    }

    #[test]
    fn an_error_that_fails_to_say_what_it_is() {
        assert_eq!(Error::from(Mute).message(), "half of it");
    }
}
