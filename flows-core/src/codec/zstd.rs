//! Compression by zstd.

use std::io::Read;

use super::{Encoded, PayloadCodec};
use crate::error::{Error, ErrorKind, Result};
use crate::store::LARGEST;

/// Its tag.
const TAG: &str = "zstd";
/// What is smaller is left as it is, unless it is said otherwise.
const SMALLEST: usize = 512;

/// Compresses values by zstd, where that makes them smaller. To compress and encrypt, give the engine this codec
/// first: what is encrypted cannot be compressed.
#[derive(Debug, Clone)]
pub struct Zstd {
    level: i32,
    smallest: usize,
}

impl Default for Zstd {
    fn default() -> Self {
        Self::new()
    }
}

impl Zstd {
    /// At the library's default level, of values of at least 512 bytes.
    pub fn new() -> Self {
        Self { level: zstd::DEFAULT_COMPRESSION_LEVEL, smallest: SMALLEST }
    }

    /// At this level: 1 (fast) to 22 (small).
    #[must_use]
    pub fn level(mut self, level: i32) -> Self {
        self.level = level;
        self
    }

    /// Leaves values of fewer bytes as they are.
    #[must_use]
    pub fn at_least(mut self, bytes: usize) -> Self {
        self.smallest = bytes;
        self
    }
}

impl PayloadCodec for Zstd {
    fn encode(&self, value: &[u8]) -> Result<Option<Encoded>> {
        if value.len() < self.smallest {
            return Ok(None);
        }
        let data = zstd::bulk::compress(value, self.level)
            .map_err(|cause| Error::new(ErrorKind::Codec, format!("cannot compress: {cause}")))?;
        let is_smaller = data.len() < value.len();
        Ok(is_smaller.then(|| Encoded { tag: TAG.to_owned(), data }))
    }

    fn decode(&self, tag: &str, data: &[u8]) -> Result<Option<Vec<u8>>> {
        if tag != TAG {
            return Ok(None);
        }
        let damaged = |cause: std::io::Error| {
            Error::new(ErrorKind::Codec, format!("what is compressed by zstd is damaged: {cause}"))
        };
        let mut value = Vec::new();
        let reader = zstd::stream::read::Decoder::with_buffer(data).map_err(damaged)?;
        let mut reader = reader.take(LARGEST as u64 + 1); // whatever it says, it is no more than that
        reader.read_to_end(&mut value).map_err(damaged)?;
        if value.len() > LARGEST {
            return Err(Error::new(ErrorKind::Codec, "what is compressed by zstd is too large"));
        }
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_smaller_and_comes_back() {
        let codec = Zstd::new();
        let value = "the same again and again; ".repeat(1_000).into_bytes();
        let Encoded { tag, data } = codec.encode(&value).expect("compressed").expect("smaller");
        assert!(data.len() < value.len() / 20, "{} bytes", data.len());
        assert_eq!(codec.decode(&tag, &data).expect("decompressed"), Some(value.clone()));
        assert_eq!(codec.decode("other", &data).expect("not its own"), None);
        assert_eq!(codec.encode(&value[..100]).expect("left"), None);
        assert!(codec.decode(&tag, &data[..data.len() / 2]).is_err(), "cut");
    }
}
