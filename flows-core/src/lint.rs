//! What the macros' lint asks the compiler: what a name in a workflow stands for.
//!
//! A macro sees names, not what they mean: `copy` may be the user's own, and `Clock` may be the
//! standard library's under another name. So where a name or a method could be one that no replay can
//! repeat, generated code asks about the *type* of what it stands for. A function has a type of its own,
//! so it can be compared with another one; values are asked for their kind. The question never runs.
//!
//! The answer is [`Refused`] or [`Fine`], by method resolution: a reference more is tried first. The
//! generated code then wants a trait of it that only [`Fine`] has, with the lint's message. Functions
//! of crates that the library does not know are asked for their name when they are called: [`called`].

pub mod inside;

use std::any::type_name;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic;
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
use std::thread::LocalKey;
use std::time::{Instant, SystemTime};

use crate::durable::Durable;
use crate::error::Result;

/// No replay can repeat it.
pub struct Refused;
/// Nothing to say about it.
pub struct Fine;

/// Two functions; [`Refused`] if they are one.
pub struct Functions<A, B>(pub A, pub B);

/// A value and the kind that it is asked for; [`Refused`] if it is of that kind.
pub struct Value<'a, T: ?Sized, K>(&'a T, PhantomData<K>);

impl<'a, T: ?Sized, K> Value<'a, T, K> {
    /// Asks for a kind.
    pub fn of(value: &'a T, _: K) -> Self {
        Self(value, PhantomData)
    }
}

/// A static or constant; [`Refused`] if what it holds may change, or is made when it is first read.
pub struct Global<'a, T: ?Sized>(pub &'a T);

/// The same, by a method that many types have and that reads what changes, of those that change:
/// [`Refused`] also if what it has inside may change, as far as that is known.
pub struct Reached<'a, T: ?Sized>(pub &'a T);

/// A value that is dropped where it was made; [`Refused`] if it is durable, and was to be awaited.
pub struct Dropped<'a, T: ?Sized>(pub &'a T);

/// The answer that is tried first.
pub trait First {
    /// The answer.
    fn answer(&self) -> Refused {
        Refused
    }
}

/// The answer that is tried next.
pub trait Second {
    /// The answer.
    fn answer(&self) -> Fine {
        Fine
    }
}

/// The answer that is tried then.
pub trait Third {
    /// The answer.
    fn answer(&self) -> Refused {
        Refused
    }
}

/// The answer about anything.
pub trait Last {
    /// The answer.
    fn answer(&self) -> Fine {
        Fine
    }
}

impl<A> First for &&&Functions<A, A> {}
impl<A, B> Last for Functions<A, B> {}

impl<T: Of<K> + ?Sized, K> First for &&&Value<'_, T, K> {}
impl<T: ?Sized, K> Last for Value<'_, T, K> {}

impl<T: Durable + ?Sized> First for &&&Dropped<'_, T> {}
impl<T: ?Sized> Last for Dropped<'_, T> {}

// What is made when it is first read is no constant, which could be cloned.
impl<T: Of<Shared> + ?Sized> First for &&&&Global<'_, T> {}
impl<T: Clone> Second for &&&Global<'_, T> {}
impl<T: Deref> Third for &&Global<'_, T> {}
impl<T: ?Sized> Last for Global<'_, T> {}

impl<T: Of<Shared> + ?Sized> First for &&&&Reached<'_, T> {}
impl<T: Clone> Second for &&&Reached<'_, T> {}
impl<T: Deref> Third for &&Reached<'_, T> {}
impl<T: RefUnwindSafe + ?Sized> Last for &Reached<'_, T> {}
impl<T: ?Sized> First for Reached<'_, T> {}

/// What may be read anywhere in a workflow.
#[diagnostic::on_unimplemented(
    message = "a static that changes, or that is made when it is first read, is shared by all runs of \
               this process and lost with it: a replay would find something else",
    label = "this static is not the same in a replay",
    note = "keep it in a local variable, take it as input, or get it from an `#[activity]`; what activities \
            share is given to the worker, and is `ActivityContext::state` there"
)]
pub trait Constant: Sized {
    /// Accepts only what is constant.
    fn wanted(self) {}
}

#[diagnostic::do_not_recommend]
impl Constant for Fine {}

/// What may be dropped where it was made.
#[diagnostic::on_unimplemented(
    message = "this is never awaited, so it is never done",
    label = "dropped, and nobody has awaited it",
    note = "await it: `….await?`; or begin it with `let later = ….start();`, and write `later.await?` where you \
            want the result; a child that is to go on by itself is `….detach()`, and what is given up on \
            purpose `….cancel()`"
)]
pub trait Dispensable: Sized {
    /// Accepts only what nobody has to await.
    fn wanted(self) {}
}

#[diagnostic::do_not_recommend]
impl Dispensable for Fine {}

/// A value that is used before it was awaited, if that is what it needs.
pub struct Unawaited<T>(PhantomData<T>);

impl<T> Unawaited<T> {
    /// Stands for the value.
    pub fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

/// What no future is: says what was forgotten.
#[diagnostic::on_unimplemented(
    message = "this is not awaited, so it has no result yet",
    label = "write `.await` behind it"
)]
pub trait Awaited {}

/// First: a future, which should have been awaited.
pub trait Forgotten<T: Future> {
    /// Never called.
    fn given(&self, value: T) -> T::Output
    where
        T: Awaited;
}

/// The same, where the value of its result is wanted.
pub trait ForgottenValue<T: Future<Output = Result<V>>, V> {
    /// Never called.
    fn value(&self, value: T) -> V
    where
        T: Awaited;
}

impl<T: Durable + Future<Output = Result<V>>, V> ForgottenValue<T, V> for &Unawaited<T> {
    fn value(&self, _: T) -> V
    where
        T: Awaited,
    {
        unreachable!("this program does not compile")
    }
}

impl<T: Durable> Forgotten<T> for &Unawaited<T> {
    fn given(&self, _: T) -> T::Output
    where
        T: Awaited,
    {
        unreachable!("this program does not compile")
    }
}

/// Last: anything else.
pub trait AtHand<T> {
    /// The value.
    fn given(&self, value: T) -> T;
    /// The value.
    fn value(&self, value: T) -> T {
        self.given(value)
    }
}

impl<T> AtHand<T> for Unawaited<T> {
    fn given(&self, value: T) -> T {
        value
    }
}

/// What an awaited value gives as a result, in a program that does not compile anyhow.
pub struct Outcome<T>(PhantomData<T>);

impl<T> Outcome<T> {
    /// Stands for the value.
    pub fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

/// First: it is a result.
pub trait OfResult<T> {
    /// Never called.
    fn result(&self) -> Result<T> {
        unreachable!("this program does not compile")
    }
}

/// Last: it is none.
pub trait OfValue<T> {
    /// Never called.
    fn result(&self) -> Result<T> {
        unreachable!("this program does not compile")
    }
}

impl<T, E> OfResult<T> for &Outcome<std::result::Result<T, E>> {}
impl<T> OfValue<T> for Outcome<T> {}

/// Passes a value on; what is asked about it never runs.
#[inline]
pub fn seen<T>(value: T, question: impl FnOnce(&T)) -> T {
    let _ = question;
    value
}

/// The types of a kind.
pub trait Of<K> {}

impl<T: Of<K> + ?Sized, K> Of<K> for &T {}
impl<T: Of<K> + ?Sized, K> Of<K> for &mut T {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $([$($generic:ident),*] $ty:ty,)*)*) => {$(
        $(#[$doc])*
        pub struct $kind;
        $(impl<$($generic),*> Of<$kind> for $ty {})*
    )*};
}

kinds! {
    /// Points in time.
    Clock: [] SystemTime, [] Instant, [] tokio::time::Instant,
    /// Names of files.
    File: [] Path, [] PathBuf, [] Box<Path>, [] Arc<Path>, [] Rc<Path>, [] Cow<'_, Path>,
    /// Processes that can be started.
    Process: [] Command,
    /// Both ends of a channel.
    Channel:
        [T] (mpsc::Sender<T>, mpsc::Receiver<T>),
        [T] (mpsc::SyncSender<T>, mpsc::Receiver<T>),
        [T] (tokio::sync::mpsc::Sender<T>, tokio::sync::mpsc::Receiver<T>),
        [T] (tokio::sync::mpsc::UnboundedSender<T>, tokio::sync::mpsc::UnboundedReceiver<T>),
        [T] (tokio::sync::oneshot::Sender<T>, tokio::sync::oneshot::Receiver<T>),
        [T] (tokio::sync::broadcast::Sender<T>, tokio::sync::broadcast::Receiver<T>),
        [T] (tokio::sync::watch::Sender<T>, tokio::sync::watch::Receiver<T>),
    /// Tasks.
    Task: [T] tokio::task::JoinHandle<T>,
    /// Threads.
    Thread: [T] std::thread::JoinHandle<T>,
    /// What all runs of a process share.
    Shared:
        [T, F] LazyLock<T, F>, [T] OnceLock<T>, [T] Mutex<T>, [T] RwLock<T>, [T] LocalKey<T>,
        [] Once, [] Condvar, [] Barrier, [T] Cell<T>, [T] RefCell<T>, [T] OnceCell<T>,
        [] atomic::AtomicBool, [] atomic::AtomicU8, [] atomic::AtomicI8, [] atomic::AtomicU16,
        [] atomic::AtomicI16, [] atomic::AtomicU32, [] atomic::AtomicI32, [] atomic::AtomicU64,
        [] atomic::AtomicI64, [] atomic::AtomicUsize, [] atomic::AtomicIsize,
        [T] atomic::AtomicPtr<T>,
        [T] tokio::sync::OnceCell<T>, [T] tokio::sync::Mutex<T>, [T] tokio::sync::RwLock<T>,
        [T] tokio::sync::watch::Sender<T>, [T] tokio::sync::watch::Receiver<T>,
        [T] tokio::sync::broadcast::Sender<T>, [] tokio::sync::Notify, [] tokio::sync::Semaphore,
}

/// A function that the lint refuses: its crate, its name there, and what to say.
pub type Named = (&'static str, &'static str, &'static str);

/// Passes on a function that is about to be called.
///
/// # Panics
/// When it is one of these, under whatever name it was imported.
#[track_caller]
pub fn called<F>(function: F, refused: &[Named]) -> F {
    let path = without_arguments(type_name::<F>());
    let is = |krate: &str, name: &str| {
        path.split("::").next() == Some(krate)
            && path.strip_suffix(name).is_some_and(|before| before.ends_with("::"))
    };
    if let Some((_, _, message)) = refused.iter().find(|(krate, name, _)| is(krate, name)) {
        panic!("{message}");
    }
    function
}

/// `<a::B<T> as c::D>::e<U>` is `a::B::e`.
fn without_arguments(name: &str) -> String {
    let of_trait = name.strip_prefix('<').and_then(|rest| rest.split_once(" as "));
    let whole = match of_trait.and_then(|(ty, rest)| Some((ty, rest.rsplit_once(">::")?.1))) {
        Some((ty, function)) => format!("{ty}::{function}"),
        None => name.to_owned(),
    };
    let mut depth = 0;
    let mut outside = |letter: &char| {
        depth += i32::from(*letter == '<') - i32::from(*letter == '>');
        depth == 0 && *letter != '>'
    };
    let path: String = whole.chars().filter(|letter| outside(letter)).collect();
    path.trim_end_matches("::").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_functions() {
        let check = |name, path| assert_eq!(without_arguments(name), path);
        check("std::env::temp_dir", "std::env::temp_dir");
        check("rand::random<u64>", "rand::random");
        check(
            "tokio::task::join_set::JoinSet<alloc::vec::Vec<u8>>::new",
            "tokio::task::join_set::JoinSet::new",
        );
        check("<a::B<T> as core::default::Default<V>>::default<X>", "a::B::default");
    }

    #[test]
    #[should_panic(expected = "reads the environment")]
    fn a_function_under_another_name() {
        use std::env::temp_dir as own;
        called(own, &[("std", "temp_dir", "reads the environment")])();
    }

    #[test]
    fn a_function_of_ones_own() {
        fn temp_dir() -> u8 {
            7
        }
        assert_eq!(called(temp_dir, &[("std", "temp_dir", "")])(), 7);
    }
}
