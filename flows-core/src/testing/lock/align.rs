//! Which parts of two sequences are the same: the pairing that keeps most.

/// Pairs of places, in order, with the highest sum of scores; a score of 0 is no pair.
pub(super) fn align<T>(
    old: &[T],
    new: &[T],
    score: impl Fn(&T, &T) -> usize,
) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut best = vec![0; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let paired = match score(&old[i], &new[j]) {
                0 => 0,
                score => score + best[(i + 1) * width + j + 1],
            };
            let skipped = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            best[i * width + j] = paired.max(skipped);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        let here = best[i * width + j];
        let score = score(&old[i], &new[j]);
        if score > 0 && here == score + best[(i + 1) * width + j + 1] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// The stretches between pairs: of the old sequence and of the new one, where one is not empty.
pub(super) fn gaps(pairs: &[(usize, usize)], ends: (usize, usize)) -> Vec<Gap> {
    let mut from = (0, 0);
    let mut gaps = Vec::new();
    for &(i, j) in pairs.iter().chain([&ends]) {
        if from.0 < i || from.1 < j {
            gaps.push(Gap { old: from.0..i, new: from.1..j });
        }
        from = (i + 1, j + 1);
    }
    gaps
}

pub(super) struct Gap {
    pub(super) old: std::ops::Range<usize>,
    pub(super) new: std::ops::Range<usize>,
}

/// Old and new parts side by side: equal ones, and between those the others in their order, as far
/// as there are as many of them.
pub(super) fn side_by_side<T>(
    old: &[T],
    new: &[T],
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = align(old, new, |a, b| usize::from(same(a, b)));
    let mut sides = Vec::new();
    for Gap { old, new } in gaps(&pairs, (old.len(), new.len())) {
        if old.len() == new.len() {
            pairs.extend(old.zip(new));
        } else {
            sides.extend(old.map(|at| (Some(at), None)));
            sides.extend(new.map(|at| (None, Some(at))));
        }
    }
    sides.extend(pairs.into_iter().map(|(old, new)| (Some(old), Some(new))));
    sides.sort_by_key(|(old, new)| (new.or(*old), *old));
    sides
}

#[cfg(test)]
mod tests {
    use super::{align, side_by_side};

    fn score(a: &char, b: &char) -> usize {
        usize::from(a == b)
    }

    #[test]
    fn what_is_kept_is_paired() {
        let pair = |old: &str, new: &str| {
            let (old, new): (Vec<_>, Vec<_>) = (old.chars().collect(), new.chars().collect());
            align(&old, &new, score)
        };
        assert_eq!(pair("abc", "axbc"), [(0, 0), (1, 2), (2, 3)]);
        assert_eq!(pair("abc", "bc"), [(1, 0), (2, 1)]);
        assert_eq!(pair("ab", "ba").len(), 1);
        assert_eq!(pair("", "a"), []);
    }

    #[test]
    fn as_many_others_are_side_by_side() {
        let sides = |old: &str, new: &str| {
            let (old, new): (Vec<_>, Vec<_>) = (old.chars().collect(), new.chars().collect());
            side_by_side(&old, &new, |a, b| a == b)
        };
        assert_eq!(sides("abc", "axc"), [(0, 0), (1, 1), (2, 2)].map(|(a, b)| (Some(a), Some(b))));
        assert_eq!(sides("ac", "abc").len(), 3);
        assert!(sides("ac", "abc").contains(&(None, Some(1))));
    }
}
