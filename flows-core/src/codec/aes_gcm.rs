//! Encryption by AES-256-GCM.

use std::collections::BTreeMap;
use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use super::{Encoded, PayloadCodec};
use crate::error::{Error, ErrorKind, Result};

/// What its tags begin with; the id of the key follows.
const NAME: &str = "aes-gcm:";

/// Encrypts each value by AES-256-GCM, with a nonce of its own. It encrypts by one key, and decrypts by all that it
/// has; the id of the key is stored with each value.
///
/// ```
/// use flows_core::codec::AesGcm;
///
/// # let [new, old] = [[1; 32], [2; 32]];
/// let codec = AesGcm::new("2026", new)?.or_decrypt("2025", old)?;
/// # Ok::<_, flows_core::Error>(())
/// ```
///
/// To rotate: give every process the new key with `or_decrypt` first, then encrypt with it everywhere, and keep
/// the old one for as long as there are runs that were written with it.
pub struct AesGcm {
    id: String,
    keys: BTreeMap<String, LessSafeKey>,
    random: SystemRandom,
}

impl fmt::Debug for AesGcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesGcm").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AesGcm {
    /// Encrypts and decrypts by this key. Its id is stored readable: it must not tell anything about the key.
    ///
    /// # Errors
    /// When the id cannot be a part of a tag.
    pub fn new(id: &str, key: [u8; 32]) -> Result<Self> {
        let (keys, random) = (BTreeMap::new(), SystemRandom::new());
        Self { id: id.to_owned(), keys, random }.or_decrypt(id, key)
    }

    /// Decrypts by another key as well.
    ///
    /// # Errors
    /// When the id cannot be a part of a tag.
    pub fn or_decrypt(mut self, id: &str, key: [u8; 32]) -> Result<Self> {
        if !crate::payload::envelope::is_tag(&format!("{NAME}{id}")) {
            return Err(Error::invalid(format!(
                "`{id}` is no id of a key: use letters, digits and `-_.:/+`, at most 190 of them"
            )));
        }
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| failed("the key"))?;
        self.keys.insert(id.to_owned(), LessSafeKey::new(key));
        Ok(self)
    }
}

impl PayloadCodec for AesGcm {
    fn encode(&self, value: &[u8]) -> Result<Option<Encoded>> {
        let tag = format!("{NAME}{}", self.id);
        let Some(key) = self.keys.get(&self.id) else { return Err(failed("the key")) };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| failed("a random nonce"))?;
        let mut sealed = value.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(tag.as_bytes()), &mut sealed)
            .map_err(|_| failed("the value"))?;
        Ok(Some(Encoded { tag, data: [&nonce[..], &sealed].concat() }))
    }

    fn decode(&self, tag: &str, data: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(key) = tag.strip_prefix(NAME).and_then(|id| self.keys.get(id)) else {
            return Ok(None);
        };
        let damaged = || {
            let message =
                format!("what is encrypted as `{tag}` is damaged, or the key is another one");
            Error::new(ErrorKind::Codec, message)
        };
        let (nonce, sealed) = data.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.open_in_place(nonce, Aad::from(tag.as_bytes()), &mut sealed);
        opened.map(|value| Some(value.to_vec())).map_err(|_| damaged())
    }
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("cannot encrypt: {what} cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_is_decrypted_by_its_key() {
        let old = AesGcm::new("old", [1; 32]).expect("a key");
        let both = AesGcm::new("new", [2; 32]).and_then(|it| it.or_decrypt("old", [1; 32]));
        let both = both.expect("keys");
        let [first, again] =
            [(); 2].map(|()| old.encode(b"secret").expect("encrypted").expect("it"));
        assert_ne!(first.data, again.data, "each has a nonce of its own");
        assert!(!first.data.windows(6).any(|part| part == b"secret"));
        for codec in [&old, &both] {
            let value = codec.decode(&first.tag, &first.data).expect("decrypted");
            assert_eq!(value.as_deref(), Some(&b"secret"[..]));
        }
        let newer = both.encode(b"secret").expect("encrypted").expect("it");
        assert_eq!(newer.tag, "aes-gcm:new");
        assert_eq!(old.decode(&newer.tag, &newer.data).expect("not its key"), None);
    }

    #[test]
    fn what_was_changed_is_not_decrypted() {
        let codec = AesGcm::new("k", [1; 32]).expect("a key");
        let Encoded { tag, data } = codec.encode(b"secret").expect("encrypted").expect("it");
        for at in 0..data.len() {
            let mut changed = data.clone();
            changed[at] ^= 1;
            assert!(codec.decode(&tag, &changed).is_err(), "byte {at}");
        }
        assert!(codec.decode(&tag, &data[..4]).is_err());
        assert!(AesGcm::new("a b", [1; 32]).is_err());
        let other = AesGcm::new("k", [2; 32]).expect("a key");
        assert!(other.decode(&tag, &data).is_err(), "another key of that id");
    }
}
