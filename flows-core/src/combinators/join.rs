//! `join!` and `try_join!`: a fixed number of futures of any types, as a tuple.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{pending, ready};
use crate::durable::sealed::Sealed;

/// A future, and then its output.
enum Slot<F: Future> {
    Open(Pin<Box<F>>),
    Done(Option<F::Output>),
}

impl<F: Future> Slot<F> {
    fn new(future: F) -> Self {
        Self::Open(Box::pin(future))
    }

    /// Polls unless done; whether it is done now.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Open(future) = self
            && let Poll::Ready(output) = future.as_mut().poll(cx)
        {
            *self = Self::Done(Some(output));
        }
        matches!(self, Self::Done(_))
    }

    fn take(&mut self) -> Option<F::Output> {
        match self {
            Self::Open(_) => None,
            Self::Done(output) => output.take(),
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Slot<F> {
    /// The error, if it is done with one.
    fn failed(&mut self) -> Option<E> {
        match self {
            Self::Done(output) if matches!(output, Some(Err(_))) => output.take()?.err(),
            _ => None,
        }
    }
}

/// Awaits all futures of a tuple; `join!` expands to it.
pub fn join<T: JoinTuple>(futures: T) -> Join<T> {
    Join { slots: futures.slots() }
}

/// Awaits all futures of a tuple or the first error; `try_join!` expands to it.
pub fn try_join<T: TryJoinTuple>(futures: T) -> TryJoin<T> {
    TryJoin { slots: futures.slots() }
}

/// The future of `join!`.
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct Join<T: JoinTuple> {
    slots: T::Slots,
}

/// The future of `try_join!`.
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
pub struct TryJoin<T: JoinTuple> {
    slots: T::Slots,
}

/// A tuple of futures. The macros check on their own that each is durable, so that an error points at
/// that one and not also at the whole.
pub trait JoinTuple {
    /// The tuple of their outputs.
    type Output;
    #[doc(hidden)]
    type Slots: Unpin;
    #[doc(hidden)]
    fn slots(self) -> Self::Slots;
    #[doc(hidden)]
    fn poll(slots: &mut Self::Slots, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

/// A tuple of durable futures with one error type.
pub trait TryJoinTuple: JoinTuple {
    /// The tuple of their success values.
    type Values;
    /// Their error.
    type Error;
    #[doc(hidden)]
    fn poll_values(
        slots: &mut Self::Slots,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Values, Self::Error>>;
}

impl<T: JoinTuple> Future for Join<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        T::poll(&mut self.slots, cx)
    }
}

impl<T: TryJoinTuple> Future for TryJoin<T> {
    type Output = Result<T::Values, T::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        T::poll_values(&mut self.slots, cx)
    }
}

impl<T: JoinTuple> Sealed for Join<T> {}
impl<T: TryJoinTuple> Sealed for TryJoin<T> {}

macro_rules! join_tuples {
    ($($name:ident $value:ident $slot:ident),+) => {
        impl<$($name: Future),+> JoinTuple for ($($name,)+) {
            type Output = ($($name::Output,)+);
            type Slots = ($(SlotOf<$name>,)+);

            fn slots(self) -> Self::Slots {
                let ($($slot,)+) = self;
                ($(SlotOf(Slot::new($slot)),)+)
            }

            fn poll(slots: &mut Self::Slots, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let ($($slot,)+) = slots;
                let done = [$($slot.0.advance(cx)),+];
                if done.contains(&false) {
                    return pending();
                }
                match ($($slot.0.take(),)+) {
                    ($(Some($slot),)+) => Poll::Ready(($($slot,)+)),
                    _ => Poll::Pending,
                }
            }
        }

        impl<Failure, $($value, $name: Future<Output = Result<$value, Failure>>),+> TryJoinTuple
            for ($($name,)+)
        {
            type Values = ($($value,)+);
            type Error = Failure;

            fn poll_values(
                slots: &mut Self::Slots,
                cx: &mut Context<'_>,
            ) -> Poll<Result<Self::Values, Failure>> {
                let ($($slot,)+) = slots;
                let mut all = true;
                $(
                    all &= $slot.0.advance(cx);
                    if let Some(error) = $slot.0.failed() {
                        return ready(Err(error));
                    }
                )+
                if !all {
                    return pending();
                }
                match ($($slot.0.take(),)+) {
                    ($(Some(Ok($slot)),)+) => Poll::Ready(Ok(($($slot,)+))),
                    _ => Poll::Pending,
                }
            }
        }
    };
}

/// One future of a tuple.
#[doc(hidden)]
#[expect(unnameable_types, reason = "only the macros make one")]
pub struct SlotOf<F: Future>(Slot<F>);

impl<F: Future> Unpin for SlotOf<F> {}

join_tuples!(A VA a);
join_tuples!(A VA a, B VB b);
join_tuples!(A VA a, B VB b, C VC c);
join_tuples!(A VA a, B VB b, C VC c, D VD d);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g, H VH h);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g, H VH h, I VI i);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g, H VH h, I VI i, J VJ j);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g, H VH h, I VI i, J VJ j, K VK k);
join_tuples!(A VA a, B VB b, C VC c, D VD d, E VE e, F VF f, G VG g, H VH h, I VI i, J VJ j, K VK k, L VL l);
