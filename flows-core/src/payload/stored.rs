//! What may be an argument, a signal, the value of a side effect: it is written, or read, or both.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that serde writes and reads. Nobody implements it: whatever derives both has it.
///
/// It stands in what the macros derive, so that the compiler says what is missing of which argument,
/// once, in the words below. The lifetime means nothing: a bound for all lifetimes is reported as it is, not by
/// what it follows from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument: arguments are stored, and read back",
    label = "`{Self}` needs `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "write `#[derive(Serialize, Deserialize)]` above your own type; another crate's may have a feature \
            `serde`",
    note = "what cannot be written (a pool, a client, a connection) is shared state: `ctx.state::<T>()` in an \
            activity"
)]
pub trait Stored<'stored>: Serialize + DeserializeOwned {}

/// An error is then about [`Stored`], whose message is for users.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Stored<'_> for T {}

/// A type that serde writes and reads: the value of a side effect. Nobody implements it, as [`Stored`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded: the value of a side effect is stored, and read back",
    label = "`{Self}` needs `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "write `#[derive(Serialize, Deserialize)]` above your own type; another crate's may have a feature \
            `serde`, and of one that has not, return the parts that you need"
)]
pub trait StoredValue: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> StoredValue for T {}

/// A type that serde reads, which others send. Nobody implements it, as [`Stored`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received: a signal is sent as text, and read here",
    label = "`{Self}` needs `#[derive(serde::Deserialize)]`",
    note = "write `#[derive(Deserialize)]` above your own type; with `#[flows::signal]`, sender and receiver have one \
            type"
)]
pub trait Received: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Received for T {}
