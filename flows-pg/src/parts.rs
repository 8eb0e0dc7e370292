//! Cutting what one call was given into transactions of bounded size.

/// Bytes of one transaction: far from the limits of the protocol.
const BYTES: usize = 32 << 20;
/// Items of one transaction.
const ITEMS: usize = 2000;

/// Cuts a list into parts, in order. An item that is too large for any is alone in its part.
pub(crate) fn cut<T>(
    items: impl IntoIterator<Item = T>,
    size: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for item in items {
        let more = size(&item);
        if !part.is_empty() && (bytes + more > BYTES || part.len() == ITEMS) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += more;
        part.push(item);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_keep_the_order() {
        assert_eq!(cut([1; 3], |_| 0), [[1; 3]]);
        assert!(cut([0; 0], |_| 0).is_empty());
        let parts = cut(0..ITEMS * 2 + 1, |_| 1);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [ITEMS, ITEMS, 1]);
        assert!(parts.concat().is_sorted());
        let large = [BYTES / 2, BYTES / 2, 1, BYTES * 9, 1];
        assert_eq!(cut(large, |size| *size).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
    }
}
