//! `select!`: the first of a fixed number of futures of any types, tried in the order written.
//!
//! Of several that are ready after one event, the one written first wins. The others are dropped
//! before the winner's arm runs, which cancels what they were waiting for.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::ready;
use crate::durable::sealed::Sealed;

/// Awaits the first future of a tuple; `select!` expands to it.
pub fn select<T: SelectTuple>(futures: T) -> Select<T> {
    Select { futures: Some(futures.pinned()) }
}

/// The future of `select!`.
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct Select<T: SelectTuple> {
    futures: Option<T::Pinned>,
}

/// A tuple of durable futures.
pub trait SelectTuple {
    /// Which future was first, with its output.
    type Output;
    #[doc(hidden)]
    type Pinned: Unpin;
    #[doc(hidden)]
    fn pinned(self) -> Self::Pinned;
    #[doc(hidden)]
    fn poll(futures: &mut Self::Pinned, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

impl<T: SelectTuple> Future for Select<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Some(futures) = &mut self.futures else { return Poll::Pending };
        let first = std::task::ready!(T::poll(futures, cx));
        self.futures = None; // the losers are dropped here
        ready(first)
    }
}

impl<T: SelectTuple> Sealed for Select<T> {}

macro_rules! select_tuples {
    ($output:ident: $($name:ident $variant:ident $future:ident),+) => {
        #[doc = "Which future of a `select!` was first."]
        #[expect(missing_docs, reason = "variants are numbered as the arms are")]
        #[allow(clippy::exhaustive_enums)]
        pub enum $output<$($name),+> {
            $($variant($name)),+
        }

        impl<$($name: Future),+> SelectTuple for ($($name,)+) {
            type Output = $output<$($name::Output),+>;
            type Pinned = ($(Pin<Box<$name>>,)+);

            fn pinned(self) -> Self::Pinned {
                let ($($future,)+) = self;
                ($(Box::pin($future),)+)
            }

            fn poll(futures: &mut Self::Pinned, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let ($($future,)+) = futures;
                $(
                    if let Poll::Ready(output) = $future.as_mut().poll(cx) {
                        return Poll::Ready($output::$variant(output));
                    }
                )+
                Poll::Pending
            }
        }
    };
}

select_tuples!(Select1: A _0 a);
select_tuples!(Select2: A _0 a, B _1 b);
select_tuples!(Select3: A _0 a, B _1 b, C _2 c);
select_tuples!(Select4: A _0 a, B _1 b, C _2 c, D _3 d);
select_tuples!(Select5: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e);
select_tuples!(Select6: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f);
select_tuples!(Select7: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g);
select_tuples!(Select8: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g, H _7 h);
select_tuples!(Select9: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g, H _7 h, I _8 i);
select_tuples!(Select10: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g, H _7 h, I _8 i, J _9 j);
select_tuples!(Select11: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g, H _7 h, I _8 i, J _9 j, K _10 k);
select_tuples!(Select12: A _0 a, B _1 b, C _2 c, D _3 d, E _4 e, F _5 f, G _6 g, H _7 h, I _8 i, J _9 j, K _10 k, L _11 l);
