//! Payload codecs: what an engine does to user values on their way into its store, and back.
//!
//! They stand in front of the store, so everything else works with values: hashes, limits and the comparisons
//! of a replay never see what is encoded. An engine without codecs has nothing of this in its way.

#[cfg(feature = "encryption")]
mod aes_gcm;
mod store;
mod tx;
#[cfg(feature = "compression")]
mod zstd;

use std::sync::Arc;

#[cfg(feature = "encryption")]
pub use self::aes_gcm::AesGcm;
pub(crate) use self::store::EncodingStore;
pub(crate) use self::tx::EncodingClient;
#[cfg(feature = "compression")]
pub use self::zstd::Zstd;
use crate::error::{Error, ErrorKind, Result};
use crate::payload::envelope::{is_tag, of_json, to_json, unread, unwrap, wrap};

/// An encoded value, and what the codec needs to know to decode it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Which codec, and which of its keys or forms: stored readable with each value. 1 to 200 letters,
    /// digits and `-_.:/+`.
    pub tag: String,
    /// What is stored.
    pub data: Vec<u8>,
}

/// Encodes user values on their way into the store: compresses them, or encrypts them. Give it to
/// [`EngineBuilder::payload_codec`](https://docs.rs/flows/latest/flows/struct.EngineBuilder.html#method.payload_codec).
#[cfg_attr(not(doctest), doc = include_str!("codec/codec.md"))]
pub trait PayloadCodec: Send + Sync + 'static {
    /// Encodes a value; `None` leaves it as it is. It need not give the same bytes each time.
    ///
    /// # Errors
    /// When it cannot: nothing is written then, and a run whose turn this was is stuck.
    fn encode(&self, value: &[u8]) -> Result<Option<Encoded>>;

    /// Decodes what has this tag; `None` if it is another codec's, or of a key that it does not have.
    ///
    /// # Errors
    /// When it should be able to, and the data are damaged.
    fn decode(&self, tag: &str, data: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Whether it encodes the errors that runs end with, which lists show. They may contain what users have
    /// written; default: yes.
    fn encodes_errors(&self) -> bool {
        true
    }
}

/// The codecs of an engine, in the order in which they encode.
#[derive(Clone, Default)]
pub(crate) struct Codecs(Vec<Arc<dyn PayloadCodec>>);

impl Codecs {
    pub(crate) fn new(codecs: Vec<Arc<dyn PayloadCodec>>) -> Self {
        Self(codecs)
    }

    /// Encodes bytes, by one codec after the other.
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        self.encode_by(value, |_| true)
    }

    fn encode_by(&self, value: &[u8], by: impl Fn(&dyn PayloadCodec) -> bool) -> Result<Vec<u8>> {
        let mut value = value.to_vec();
        for codec in self.0.iter().filter(|codec| by(&***codec)) {
            let Some(Encoded { tag, data }) = codec.encode(&value)? else { continue };
            if !is_tag(&tag) {
                return Err(Error::invalid(format!("`{tag}` is no tag of a payload codec")));
            }
            value = wrap(&tag, &data);
        }
        Ok(value)
    }

    /// Encodes JSON as JSON.
    fn encode_json(&self, json: &str) -> Result<String> {
        as_json(json, &self.encode(json.as_bytes())?)
    }

    /// The same for an error.
    fn encode_error(&self, json: &str) -> Result<String> {
        as_json(json, &self.encode_by(json.as_bytes(), PayloadCodec::encodes_errors)?)
    }

    /// Decodes bytes; what is not encoded stays as it is.
    fn decode(&self, value: &[u8]) -> Result<Vec<u8>> {
        let mut decoded = value.to_vec();
        while let Some((tag, data)) = unwrap(&decoded) {
            let by = |codec: &Arc<dyn PayloadCodec>| codec.decode(tag, data).transpose();
            decoded = match self.0.iter().find_map(by) {
                Some(value) => value?,
                None => return Err(unread(&decoded).unwrap_or_else(|| damaged(tag))),
            };
        }
        Ok(decoded)
    }

    fn decode_json(&self, json: &str) -> Result<Option<String>> {
        let Some(encoded) = of_json(json) else { return Ok(None) };
        let decoded = self.decode(&encoded)?;
        String::from_utf8(decoded).map(Some).map_err(|_| damaged("JSON"))
    }
}

/// What was encoded, as JSON; or the JSON itself, if no codec wanted it.
fn as_json(json: &str, encoded: &[u8]) -> Result<String> {
    Ok(if encoded == json.as_bytes() { json.to_owned() } else { to_json(encoded) })
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("an encoded value (`{what}`) is damaged"))
}
