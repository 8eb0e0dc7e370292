//! What a payload codec has made of a value, as it is stored: behind a tag that says which codec, and how.
//!
//! In columns of bytes it begins with bytes that no value begins with; in columns of JSON it is an object with one
//! field. Whoever meets one that was not decoded says so, instead of reading it as a value.

use crate::error::{Error, ErrorKind};

/// The beginning of encoded bytes: no text, and no version of a journal row.
const MAGIC: &[u8; 8] = b"\xFEflows\x00\x01";
/// The beginning of a value that carries headers: their length, they, and the value follow.
const HEADED: &[u8; 8] = b"\xFEflows\x00\x02";
/// The beginning of encoded JSON: the field's name, and its text up to the tag.
const FIELD: &str = r#"{"$flows": ""#;
/// The end of encoded JSON.
const END: &str = r#""}"#;
/// What the tag of a value begins with that is in an object; the object's name follows.
pub(crate) const OBJECT: &str = "object:";
/// The longest tag.
pub(crate) const LONGEST_TAG: usize = 200;

/// Whether a tag can be stored: printable, and without what ends it.
pub(crate) fn is_tag(tag: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.:/+".contains(&letter);
    (1..=LONGEST_TAG).contains(&tag.len()) && tag.bytes().all(fits)
}

/// The bytes of an encoded value behind its tag.
pub(crate) fn wrap(tag: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAGIC.len() + 1 + tag.len() + data.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(u8::try_from(tag.len()).unwrap_or(u8::MAX)); // no tag is longer
    bytes.extend_from_slice(tag.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The tag and the bytes of an encoded value; nothing, if it is none.
pub(crate) fn unwrap(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.strip_prefix(MAGIC)?.split_first()?;
    let (tag, data) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(tag).ok().filter(|tag| is_tag(tag))?, data))
}

/// A value with headers, JSON text, in front of it.
pub(crate) fn with_headers(headers: &str, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(headers.len()).unwrap_or(u32::MAX); // they have far less
    [HEADED, &length.to_le_bytes()[..], headers.as_bytes(), value].concat()
}

/// The headers and the value behind them; nothing, if there are none.
pub(crate) fn split_headers(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.strip_prefix(HEADED)?.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (headers, value) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(headers).ok()?, value))
}

/// Encoded bytes as JSON: their tag is readable.
pub(crate) fn to_json(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let tag = unwrap(bytes).map_or("", |(tag, _)| tag);
    let mut json = format!("{FIELD}{tag};");
    base64::engine::general_purpose::STANDARD.encode_string(bytes, &mut json);
    json.push_str(END);
    json
}

/// The encoded bytes in JSON; nothing, if it is a value.
pub(crate) fn of_json(json: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let (_, data) = json.strip_prefix(FIELD)?.strip_suffix(END)?.split_once(';')?;
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

/// Why a value cannot be read, if it is encoded: in bytes, or in JSON.
pub(crate) fn unread(value: &[u8]) -> Option<Error> {
    let tag = match value.strip_prefix(FIELD.as_bytes()) {
        Some(rest) => std::str::from_utf8(rest).ok()?.split_once(';')?.0,
        None => unwrap(value)?.0,
    };
    if let Some(name) = tag.strip_prefix(OBJECT) {
        let run = name.split('/').nth(1).unwrap_or_default();
        return Some(Error::new(
            ErrorKind::Codec,
            format!(
                "a value of run {run} is in object `{name}`, which was not read: give the engine its object store \
                 (`Engine::builder().payload_store(..)`); if it has that, a warning in the log says why: restore the \
                 object there if it is missing or damaged"
            ),
        ));
    }
    Some(Error::new(
        ErrorKind::Codec,
        format!(
            "it is encoded as `{tag}`, and the engine that reads it has no payload codec that can decode \
             that: give the engine the codec and the key (`Engine::builder().payload_codec(..)`)"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_value_is_found_in_bytes_and_in_json() {
        let bytes = wrap("aes-gcm:2026", b"secret");
        assert_eq!(unwrap(&bytes), Some(("aes-gcm:2026", &b"secret"[..])));
        let json = to_json(&bytes);
        assert!(json.starts_with(r#"{"$flows": "aes-gcm:2026;"#), "{json}");
        assert_eq!(of_json(&json), Some(bytes.clone()));
        for value in [&bytes[..], json.as_bytes()] {
            let error = unread(value).expect("it is encoded");
            assert!(error.message().contains("`aes-gcm:2026`"), "{error}");
        }
    }

    #[test]
    fn headers_stand_in_front_of_a_value() {
        let bytes = with_headers(r#"{"user":"ann"}"#, b"42");
        assert_eq!(split_headers(&bytes), Some((r#"{"user":"ann"}"#, &b"42"[..])));
        for length in 0..bytes.len() - 2 {
            assert_eq!(split_headers(&bytes[..length]), None, "{length}");
        }
        for value in [&b"42"[..], b"", &wrap("zstd", b"42")] {
            assert_eq!(split_headers(value), None);
        }
    }

    #[test]
    fn a_value_is_none() {
        let long = "x".repeat(LONGEST_TAG + 1);
        for value in ["", "{}", r#"{"$flows": 7}"#, r#"{"a": 1}"#, "\u{1}row", &long] {
            assert!(unwrap(value.as_bytes()).is_none(), "{value}");
            assert!(of_json(value).is_none(), "{value}");
            assert!(unread(value.as_bytes()).is_none(), "{value}");
        }
        for tag in ["", "a b", "a;b", "a\"b", &long] {
            assert!(!is_tag(tag), "{tag}");
        }
    }
}
