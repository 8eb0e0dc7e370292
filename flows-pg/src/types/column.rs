//! A column of values as one parameter of a statement: an array in the binary form of PostgreSQL's protocol.
//!
//! The client library writes arrays as well, from a slice, value by value through a growing buffer. A step of a
//! run is some twenty values in such columns; encoded as they are pushed, they cost a fifth of that.

use std::error::Error;
use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::Time;

/// The length of a null.
const NULL: i32 = -1;

/// Values that a statement takes as an array.
#[derive(Debug)]
pub(crate) struct Column<T> {
    len: usize,
    has_nulls: bool,
    /// Some value is longer than the protocol can say.
    too_long: bool,
    /// Each value behind its length.
    encoded: Vec<u8>,
    of: PhantomData<fn(T)>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { len: 0, has_nulls: false, too_long: false, encoded: Vec::new(), of: PhantomData }
    }
}

impl<T> Column<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn push_bytes(&mut self, value: &[u8]) {
        let length = i32::try_from(value.len());
        self.too_long |= length.is_err();
        self.encoded.extend_from_slice(&length.unwrap_or(NULL).to_be_bytes());
        self.encoded.extend_from_slice(value);
    }

    fn push_null(&mut self) {
        self.has_nulls = true;
        self.encoded.extend_from_slice(&NULL.to_be_bytes());
    }
}

impl<T: Value> Column<T> {
    pub(crate) fn push(&mut self, value: T) {
        self.len += 1;
        value.push_to(self);
    }
}

/// What a column can hold.
pub(crate) trait Value: std::fmt::Debug {
    /// Whether the database has it as this type.
    fn is_a(member: &Type) -> bool;

    fn push_to<T>(&self, column: &mut Column<T>);
}

/// Types by the bytes that their values are.
macro_rules! values {
    ($($of:ty: $type:ident, |$value:ident| $bytes:expr;)+) => {$(
        impl Value for $of {
            fn is_a(member: &Type) -> bool {
                *member == Type::$type
            }

            fn push_to<T>(&self, column: &mut Column<T>) {
                let $value = self;
                column.push_bytes($bytes);
            }
        }
    )+};
}

values! {
    bool: BOOL, |it| &[u8::from(*it)];
    i16: INT2, |it| &it.to_be_bytes();
    i32: INT4, |it| &it.to_be_bytes();
    Vec<u8>: BYTEA, |it| it;
    i64: INT8, |it| &it.to_be_bytes();
    Time: TIMESTAMPTZ, |it| &it.micros().to_be_bytes();
    Uuid: UUID, |it| it.as_bytes();
    &str: TEXT, |it| it.as_bytes();
    String: TEXT, |it| it.as_bytes();
    &[u8]: BYTEA, |it| it;
}

impl<V: Value> Value for Option<V> {
    fn is_a(member: &Type) -> bool {
        V::is_a(member)
    }

    fn push_to<T>(&self, column: &mut Column<T>) {
        match self {
            Some(value) => value.push_to(column),
            None => column.push_null(),
        }
    }
}

impl<T: Value> ToSql for Column<T> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Kind::Array(member) = of.kind() else { return Err("no array".into()) };
        if self.too_long {
            return Err("a value is longer than 2 GiB".into());
        }
        out.reserve(20 + self.encoded.len());
        out.put_i32(1); // dimensions
        out.put_i32(self.has_nulls.into());
        out.put_u32(member.oid());
        out.put_i32(i32::try_from(self.len)?);
        out.put_i32(1); // number of the first value
        out.put_slice(&self.encoded);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        matches!(of.kind(), Kind::Array(member) if T::is_a(member))
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the client library writes it.
    #[track_caller]
    fn is_written_as<T: Value, V: ToSql>(of: &Type, column: Column<T>, slice: &[V]) {
        let (mut ours, mut theirs) = (BytesMut::new(), BytesMut::new());
        assert!(<Column<T> as ToSql>::accepts(of));
        column.to_sql(of, &mut ours).unwrap();
        slice.to_sql(of, &mut theirs).unwrap();
        assert_eq!(ours, theirs, "{of}");
    }

    fn column<T: Value>(values: impl IntoIterator<Item = T>) -> Column<T> {
        let mut column = Column::default();
        values.into_iter().for_each(|value| column.push(value));
        column
    }

    #[test]
    fn columns_are_written_as_the_client_library_writes_slices() {
        let ids = [Uuid::nil(), Uuid::max()];
        is_written_as(&Type::UUID_ARRAY, column(ids), &ids);
        let maybe = [None, Some(ids[1]), None];
        is_written_as(&Type::UUID_ARRAY, column(maybe), &maybe);
        is_written_as(&Type::INT2_ARRAY, column([0_i16, -1, i16::MAX]), &[0_i16, -1, i16::MAX]);
        is_written_as(&Type::INT4_ARRAY, column([i32::MIN]), &[i32::MIN]);
        is_written_as(&Type::INT8_ARRAY, column([Some(i64::MIN), None]), &[Some(i64::MIN), None]);
        is_written_as(&Type::BOOL_ARRAY, column([true, false]), &[true, false]);
        is_written_as(&Type::TEXT_ARRAY, column(["", "Grüße"]), &["", "Grüße"]);
        let owned = [Some("a".to_owned()), None];
        is_written_as(&Type::TEXT_ARRAY, column(owned.clone()), &owned);
        let bytes: [&[u8]; 2] = [&[], &[0, 255]];
        is_written_as(&Type::BYTEA_ARRAY, column(bytes), &bytes);
        let times = [None, Some(Time(flows_core::time::Timestamp::MAX))];
        is_written_as(&Type::TIMESTAMPTZ_ARRAY, column(times), &times);
        is_written_as(&Type::UUID_ARRAY, Column::<Uuid>::default(), &[] as &[Uuid]);
    }

    #[test]
    fn a_column_is_no_array_of_another_type() {
        assert!(!<Column<i16> as ToSql>::accepts(&Type::INT4_ARRAY));
        assert!(!<Column<i16> as ToSql>::accepts(&Type::INT2));
        assert!(!<Column<&str> as ToSql>::accepts(&Type::BYTEA_ARRAY));
    }
}
