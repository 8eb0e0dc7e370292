//! Random names, passwords and port numbers of the private server.
//!
//! Must never be used for ids of runs, which come from `ids`. Called by `cache`, `template` and
//! `server`.

use std::fs::File;
use std::io::Read;

use super::error::DevError;

/// 128 random bits as 32 hexadecimal digits: a name nobody has, a password nobody guesses.
pub(crate) fn hex() -> Result<String, DevError> {
    Ok(bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A random number below `bound`; slightly uneven, which is enough to keep ports apart.
pub(crate) fn below(bound: u16) -> Result<u16, DevError> {
    Ok(u16::from_le_bytes(bytes()?) % bound)
}

fn bytes<const N: usize>() -> Result<[u8; N], DevError> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| DevError::caused("read /dev/urandom", &error))?;
    Ok(bytes)
}
