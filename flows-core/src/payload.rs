//! User values as bytes, with the codec they were written with.
//!
//! JSON is the default: it tolerates added fields and people can read it. Postcard is for
//! definitions that ask for it (`codec = "postcard"`): compact, and guarded by a fingerprint of the
//! type's shape, so that drift is a clear error instead of wrong values.
//!
//! What user code sees is decoded from what is stored, live as in a replay. What cannot be read back is
//! an error where it is written.

pub(crate) mod envelope;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt::Display;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::stored::{Received, Stored, StoredValue};
use self::writer::{Form, Unwritable, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::fnv1a;
use crate::panics::catch;
use crate::shape;

/// The largest payload, unless the engine is told otherwise: 2 MiB.
pub const PAYLOAD_LIMIT: usize = 2 * 1024 * 1024;
/// The largest payload that can be allowed: one journal row must hold it. 100 MiB.
pub const LARGEST_PAYLOAD: usize = 100 << 20;

/// How a payload is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// `serde_json`; the default.
    #[default]
    Json,
    /// `postcard`, behind a fingerprint of the type's shape.
    Postcard,
}

impl Codec {
    pub(crate) const fn is_json(self) -> bool {
        matches!(self, Self::Json)
    }
}

/// A user value, encoded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    codec: Codec,
    #[serde(with = "crate::bytes")]
    bytes: Vec<u8>,
}

/// A body that runs, and ends with an encoded value.
pub(crate) type PayloadFuture = Pin<Box<dyn Future<Output = Result<Payload>> + Send>>;

impl Payload {
    /// Encodes a value that will be read back as the same type, and tries that. Fails when its
    /// `Serialize` or its `Deserialize` does, where [`Payload::json`] does, and with postcard when what
    /// is read differs from what was written.
    pub fn encode<T: Serialize + DeserializeOwned>(codec: Codec, value: &T) -> Result<Self> {
        match codec {
            Codec::Json => Self::json_output(value),
            Codec::Postcard => Self::postcard(value),
        }
    }

    /// The same as JSON.
    pub(crate) fn json_output<T: Serialize + DeserializeOwned>(value: &T) -> Result<Self> {
        Self::checked(value, Form::Plain)
    }

    /// A value as JSON, with what is read back: all that user code may go on with.
    pub(crate) fn json_and_read<T: Serialize + DeserializeOwned>(value: &T) -> Result<(Self, T)> {
        let payload = Self::json(value)?;
        let read = payload.read_back()?;
        Ok((payload, read))
    }

    /// Encodes a value as JSON. Fails when its `Serialize` does, and on what cannot be stored or read
    /// back: NUL characters, NaN and infinity, more than 127 levels of nesting, keys of maps that are no
    /// text or number.
    pub fn json<T: Serialize>(value: &T) -> Result<Self> {
        Ok(Self { codec: Codec::Json, bytes: encode_json(value, Form::Plain)? })
    }

    /// Encodes the input of a run as the text that JSONB makes of it, and tries to read it back.
    #[doc(hidden)]
    pub fn column<T: Serialize + DeserializeOwned>(value: &T) -> Result<Self> {
        Self::checked(value, Form::Column)
    }

    /// Encodes a value that only others read as the text that JSONB makes of it, and tries to read it as JSON.
    pub(crate) fn published<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let payload = Self { codec: Codec::Json, bytes: encode_json(&value, Form::Column)? };
        payload.read_back::<serde_json::Value>()?;
        Ok(payload)
    }

    /// The same for a child, with a hash that is the same for equal values.
    pub(crate) fn child_input<T: Serialize + DeserializeOwned>(value: &T) -> Result<(Self, u64)> {
        Self::hashed_column(value)
    }

    fn hashed_column(value: &dyn Storable) -> Result<(Self, u64)> {
        let payload = Self::checked(value, Form::Column)?;
        let stable = encode_json(value, Form::Stable)?;
        Ok((payload, fnv1a(stable.into_iter())))
    }

    /// Encodes the output of a run in the order and with the numbers that JSONB gives back, and tries to
    /// read it back.
    pub(crate) fn output<T: Serialize + DeserializeOwned>(value: &T) -> Result<Self> {
        Self::checked(value, Form::Canonical)
    }

    /// Encodes the input of an activity as JSON, with a hash that is the same for equal values.
    pub(crate) fn json_input<T: Serialize + DeserializeOwned>(value: &T) -> Result<(Self, u64)> {
        Self::hashed(value)
    }

    fn hashed(value: &dyn Storable) -> Result<(Self, u64)> {
        let payload = Self::checked(value, Form::Stable)?;
        let hash = fnv1a(payload.bytes.iter().copied());
        Ok((payload, hash))
    }

    /// The same with postcard.
    pub(crate) fn postcard_input<T: Serialize + DeserializeOwned>(
        value: &T,
    ) -> Result<(Self, u64)> {
        let payload = Self::postcard(value)?;
        let stable = writer::written(value, Form::Stable).ok().filter(|(_, unordered)| *unordered);
        let hash = match &stable {
            Some((stable, _)) => fnv1a(stable.iter().copied()),
            None => fnv1a(payload.bytes.iter().copied()),
        };
        Ok((payload, hash))
    }

    fn checked(value: &dyn Storable, form: Form) -> Result<Self> {
        let payload = Self { codec: Codec::Json, bytes: encode_json(value, form)? };
        let name = value.type_name();
        match catch(|| value.is_read_from(&payload.bytes)) {
            Ok(Ok(())) => Ok(payload),
            Ok(Err(cause)) => {
                let error = cannot_decode(name, &cause.to_string());
                Err(not_read_back(name, &error.message()))
            }
            Err(caught) => Err(not_read_back(name, &caught)),
        }
    }

    /// Encodes a value with postcard, and compares it with what is read back.
    pub(crate) fn postcard<T: Serialize + DeserializeOwned>(value: &T) -> Result<Self> {
        let payload = Self { codec: Codec::Postcard, bytes: encode_postcard(value)? };
        let read: T = payload.read_back()?;
        let forms = (writer::write(value, Form::Stable), writer::write(&read, Form::Stable));
        if let (Ok(written), Ok(again)) = forms
            && written != again
        {
            return Err(cannot_encode(
                value.type_name(),
                "it would be read back as another value: postcard has no names, so fields and \
                 variants that serde skips shift what follows; write them, or use `codec = \"json\"`",
            ));
        }
        Ok(payload)
    }

    fn read_back<T: DeserializeOwned>(&self) -> Result<T> {
        let name = std::any::type_name::<T>();
        catch(|| self.decode())
            .map_err(|caught| not_read_back(name, &caught))?
            .map_err(|error| not_read_back(name, &error.message()))
    }

    /// A payload from JSON text that the caller knows to be valid.
    pub fn from_json(json: impl Into<Vec<u8>>) -> Self {
        Self { codec: Codec::Json, bytes: json.into() }
    }

    /// A payload from what [`codec`](Self::codec) and [`bytes`](Self::bytes) gave, for stores.
    #[doc(hidden)]
    pub fn from_parts(codec: Codec, bytes: Vec<u8>) -> Self {
        Self { codec, bytes }
    }

    /// Decodes the value; the error names the type that was expected.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        if let Some(error) = self.unread() {
            return Err(error);
        }
        match self.codec {
            Codec::Json => match read_json(&self.bytes) {
                Ok(value) => Ok(value),
                Err(cause) => Err(cannot_decode(std::any::type_name::<T>(), &cause.to_string())),
            },
            Codec::Postcard => {
                let read = decode_postcard(&self.bytes);
                read.map_err(|cause| cannot_decode(std::any::type_name::<T>(), &cause))
            }
        }
    }

    /// The same for the input of a definition, where it was written as JSON; anything else is an error.
    pub(crate) fn decode_json_input<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        if let Some(error) = self.unread() {
            return Err(error.context_of("input", name));
        }
        match read_json(&self.bytes) {
            Ok(value) => Ok(value),
            Err(cause) => {
                let error = cannot_decode(std::any::type_name::<T>(), &cause.to_string());
                Err(error.context_of("input", name))
            }
        }
    }

    /// Why it cannot be read, if a payload codec has encoded it and none has decoded it.
    pub(crate) fn unread(&self) -> Option<Error> {
        envelope::unread(&self.bytes)
    }

    /// The codec it was written with.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no bytes at all (which no codec produces for JSON).
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The same with headers, if there are any: what a signal carries.
    pub(crate) fn with_headers(self, headers: &Headers) -> Self {
        match headers.to_json() {
            Some(json) => Self { bytes: envelope::with_headers(&json, &self.bytes), ..self },
            None => self,
        }
    }

    /// The headers that a signal carries, and the payload without them; nothing, if it carries none.
    pub(crate) fn split_headers(&self) -> Option<(Headers, Self)> {
        let (json, bytes) = envelope::split_headers(&self.bytes)?;
        Some((Headers::from_json(json).ok()?, Self::from_parts(self.codec, bytes.to_vec())))
    }

    /// The payload, unless it is larger than the limit; `what` names it in the error.
    pub(crate) fn within(self, limit: usize, what: impl FnOnce() -> String) -> Result<Self> {
        check_size(self.bytes.len(), limit, what).map(|()| self)
    }

    /// The value as JSON text, where it is JSON.
    pub fn as_json(&self) -> Option<&str> {
        match self.codec {
            Codec::Json => {
                let without = || envelope::split_headers(&self.bytes).map(|(_, bytes)| bytes);
                let text = std::str::from_utf8(&self.bytes).ok();
                text.or_else(|| std::str::from_utf8(without()?).ok())
            }
            Codec::Postcard => None,
        }
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_json() {
            Some(json) => f.write_str(json),
            None => write!(f, "{:?}({} bytes)", self.codec, self.bytes.len()),
        }
    }
}

/// Refuses what has more bytes than the limit; `what` names it in the error.
pub(crate) fn check_size(size: usize, limit: usize, what: impl FnOnce() -> String) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let what = what();
    let raise = match limit {
        LARGEST_PAYLOAD.. => "",
        _ => ", or raise the limit with `engine.set_payload_limit(bytes)`",
    };
    Err(Error::invalid(format!(
        "the {what} has {size} bytes and the limit is {limit}: store it elsewhere and pass a \
         reference{raise}"
    )))
}

/// A value of any type that serde writes: what is the same for all types is compiled once.
trait Writable {
    /// Writes it.
    fn write(&self, writer: Writer<'_>) -> Result<(), Unwritable>;
    /// Its type, for errors.
    fn type_name(&self) -> &'static str;
}

impl<T: Serialize> Writable for T {
    fn write(&self, writer: Writer<'_>) -> Result<(), Unwritable> {
        self.serialize(writer)
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

/// A value that is written and read back.
trait Storable: Writable {
    /// Whether its type can be read from JSON.
    fn is_read_from(&self, json: &[u8]) -> Result<(), serde_json::Error>;
}

impl<T: Serialize + DeserializeOwned> Storable for T {
    fn is_read_from(&self, json: &[u8]) -> Result<(), serde_json::Error> {
        match read_json::<T>(json) {
            Ok(_) => Ok(()),
            Err(cause) => Err(cause),
        }
    }
}

// Without `?`, whose conversions would be compiled for each type.
fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    match (T::deserialize(&mut reader), reader.end()) {
        (Ok(value), Ok(())) => Ok(value),
        (Err(cause), _) | (Ok(_), Err(cause)) => Err(cause),
    }
}

fn encode_json(value: &dyn Writable, form: Form) -> Result<Vec<u8>> {
    let bytes = writer::write(value, form)
        .map_err(|refused| cannot_encode(value.type_name(), &refused.to_string()))?;
    match refused_escape(&bytes) {
        None => Ok(bytes),
        Some(b'0') => Err(cannot_encode(
            value.type_name(),
            "it contains a NUL character (\\u0000), which PostgreSQL cannot store; \
             remove it or encode the text, for example as base64",
        )),
        Some(_) => Err(cannot_encode(
            value.type_name(),
            "it contains an escaped surrogate (\\ud800 to \\udfff), half of a character, which PostgreSQL \
             does not store; write the character itself",
        )),
    }
}

/// The first digit of an escape in JSON text that PostgreSQL refuses: `\u0000`, and half of a character,
/// which raw JSON may have.
fn refused_escape(json: &[u8]) -> Option<u8> {
    if !json.contains(&b'\\') {
        return None; // as mostly, and found out quickly
    }
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = rest.get(at + 1..)?;
        match escape {
            [b'u', b'0', b'0', b'0', b'0', ..] => return Some(b'0'),
            [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
                if !is_pair(escape) {
                    return Some(b'd');
                }
                rest = escape.get(11..)?;
            }
            _ => rest = escape.get(1..)?,
        }
    }
    None
}

/// Whether an escape is the first half of a character and its second half follows.
fn is_pair(escape: &[u8]) -> bool {
    matches!(
        escape,
        [
            _,
            _,
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B',
            _,
            _,
            b'\\',
            b'u',
            b'd' | b'D',
            b'c'..=b'f' | b'C'..=b'F',
            ..,
        ]
    )
}

fn encode_postcard<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>> {
    let start = shape::fingerprint::<T>().to_le_bytes().to_vec();
    postcard::to_extend(value, start)
        .map_err(|e| cannot_encode(std::any::type_name::<T>(), &e.to_string()))
}

fn decode_postcard<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (written, body) = bytes.split_first_chunk().ok_or("shorter than its fingerprint")?;
    let (written, wanted) = (u64::from_le_bytes(*written), shape::fingerprint::<T>());
    if written != wanted {
        return Err(format!(
            "it was written by a type of another shape (fingerprint {written:016x}, this build has \
             {wanted:016x}); postcard has no field names, so restore the old type, give the \
             definition a new version, or use `codec = \"json\"`"
        ));
    }
    match postcard::take_from_bytes(body).map_err(|e| e.to_string())? {
        (value, []) => Ok(value),
        (_, rest) => Err(format!("{} bytes are left over", rest.len())),
    }
}

fn cannot_encode(type_name: &str, cause: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("cannot encode `{type_name}`: {cause}"))
}

fn not_read_back(type_name: &str, why: &dyn Display) -> Error {
    cannot_encode(type_name, &format!("it could not be read back: {why}"))
}

fn cannot_decode(type_name: &str, cause: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("cannot decode as `{type_name}`: {cause}"))
}
