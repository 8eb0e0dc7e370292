//! Values on their way to and from PostgreSQL that the client library has no type for.

mod column;

use std::error::Error;
use std::time::Duration;

use bytes::BytesMut;
use flows_core::time::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

pub(crate) use self::column::Column;

/// Microseconds from 1970, where `Timestamp` counts from, to 2000, where PostgreSQL does.
const EPOCH: i64 = 946_684_800_000_000;
/// The first microsecond that `timestamptz` cannot hold, counted from 2000.
const END: i64 = 9_223_371_331_200_000_000;
/// PostgreSQL's `infinity`.
const INFINITY: i64 = i64::MAX;
/// The longest duration that can be added to a time without leaving `timestamptz`.
const LONGEST: i64 = 100_000 * 365 * 86_400 * 1_000_000;

/// The beginning of time: `-infinity`.
pub(crate) const BEGINNING: Timestamp = Timestamp(i64::MIN);

/// A `timestamptz`. The end of time is `infinity`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Time {
    /// As the protocol has it: microseconds since the year 2000.
    pub(crate) fn micros(self) -> i64 {
        let micros = self.0.0.saturating_sub(EPOCH);
        if micros >= END { INFINITY } else { micros }
    }
}

impl<'a> FromSql<'a> for Time {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(if micros == INFINITY {
            Timestamp::MAX
        } else {
            Timestamp(micros.saturating_add(EPOCH))
        }))
    }

    accepts!(TIMESTAMPTZ);
}

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.micros().to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

/// A duration as microseconds; what is longer than a thousand centuries counts as that.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(LONGEST).min(LONGEST)
}

/// The duration of so many microseconds.
pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A number of the library's that PostgreSQL keeps signed.
pub(crate) fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
