//! Payload codecs: what an engine does to user values on their way into its store, and back.
//!
//! They stand in front of the store, so everything else works with values: hashes, limits and the comparisons
//! of a replay never see what is encoded. An engine without codecs has nothing of this in its way.

#[cfg(feature = "encryption")]
mod aes_gcm;
#[cfg(feature = "object-store")]
mod bucket;
mod decoder;
mod encoder;
mod file;
mod objects;
mod store;
mod tx;
#[cfg(feature = "compression")]
mod zstd;

use std::collections::HashMap;
use std::sync::Arc;

#[cfg(feature = "encryption")]
pub use self::aes_gcm::AesGcm;
#[cfg(feature = "object-store")]
pub use object_store;

#[cfg(feature = "object-store")]
pub use self::bucket::BucketStore;
use self::decoder::PayloadDecoder;
use self::encoder::PayloadEncoder;
pub use self::file::FileStore;
pub use self::objects::{ObjectStore, Objects};
pub(crate) use self::store::EncodingStore;
pub(crate) use self::tx::EncodingClient;
#[cfg(feature = "compression")]
pub use self::zstd::Zstd;
use crate::error::{Error, ErrorKind, Result};
use crate::payload::envelope::{OBJECT, is_tag, wrap};

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
    /// When it cannot: nothing is written then, and a run whose turn this was is stuck. After an error of kind
    /// `Unavailable` it is tried again.
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

/// What an engine encodes with: its codecs, in the order in which they encode, and where large values go.
#[derive(Clone)]
pub(crate) struct Codecs {
    codecs: Vec<Arc<dyn PayloadCodec>>,
    objects: Option<Objects>,
}

impl Codecs {
    /// None, if there is nothing to do.
    pub(crate) fn new(
        codecs: Vec<Arc<dyn PayloadCodec>>,
        objects: Option<Objects>,
    ) -> Option<Self> {
        (!codecs.is_empty() || objects.is_some()).then_some(Self { codecs, objects })
    }

    /// Encodes something, and writes the objects that it then refers to.
    pub(crate) async fn encoded<T>(
        &self,
        encode: impl FnOnce(&PayloadEncoder<'_>) -> Result<T>,
    ) -> Result<T> {
        let (encoded, uploads) = {
            let encoder = PayloadEncoder::new(self);
            (encode(&encoder)?, encoder.uploads())
        };
        if let Some(objects) = self.objects.as_ref().filter(|_| !uploads.is_empty()) {
            objects.put(uploads).await?;
        }
        Ok(encoded)
    }

    /// Decodes something in its place, with the objects that it refers to.
    async fn decoded<T>(&self, value: &mut T, decode: impl Fn(&PayloadDecoder<'_>, &mut T)) {
        let wanted = {
            let decoder = PayloadDecoder::new(self, HashMap::new());
            decode(&decoder, value);
            decoder.wanted()
        };
        if let Some(objects) = self.objects.as_ref().filter(|_| !wanted.is_empty()) {
            let found = objects.get(wanted).await;
            decode(&PayloadDecoder::new(self, found), value);
        }
    }

    /// Encodes bytes, by one codec after the other.
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        self.encode_by(value, |_| true)
    }

    fn encode_by(&self, value: &[u8], by: impl Fn(&dyn PayloadCodec) -> bool) -> Result<Vec<u8>> {
        let mut value = value.to_vec();
        for codec in self.codecs.iter().filter(|codec| by(&***codec)) {
            let Some(Encoded { tag, data }) = codec.encode(&value)? else { continue };
            if !is_tag(&tag) || tag.starts_with(OBJECT) {
                return Err(Error::invalid(format!("`{tag}` is no tag of a payload codec")));
            }
            value = wrap(&tag, &data);
        }
        Ok(value)
    }

    fn decode_by(&self, tag: &str, data: &[u8]) -> Option<Result<Vec<u8>>> {
        self.codecs.iter().find_map(|codec| codec.decode(tag, data).transpose())
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("an encoded value (`{what}`) is damaged"))
}
