//! Expansion, with arguments `transaction, name = "debit-v2", codec = "postcard"`, of
//!
//! ```text
//! async fn debit(tx: &Transaction<'_>, #[serde(default)] cents: i64) -> Result<i64, LedgerError> {
//!     tx.execute("UPDATE account SET cents = cents - $1", &[&cents]).await?;
//!     Ok(cents)
//! }
//! ```

#[track_caller]
#[allow(unreachable_pub, clippy::too_many_arguments)]
fn debit(
    ctx: &::flows::__private::WorkflowContext,
    cents: i64,
) -> ::flows::__private::Call<debit::Activity> {
    ::flows::__private::Call::<debit::Activity>::new(ctx, __debit_Input { cents })
}
#[doc(hidden)]
#[allow(missing_debug_implementations, non_camel_case_types, unreachable_pub)]
#[derive(::flows::__private::serde::Serialize, ::flows::__private::serde::Deserialize)]
#[serde(
    crate = "::flows::__private::serde",
    bound = "for < 'stored > i64 : :: flows :: __private :: Stored < 'stored >"
)]
struct __debit_Input {
    #[serde(default)]
    cents: i64,
}
impl debit::__Params for debit::Activity {
    type P0 = i64;
    type Returns = Result<i64, LedgerError>;
}
impl debit::Activity {
    async fn debit(
        tx: &Transaction<'_>,
        __debit_Input { cents }: __debit_Input,
    ) -> Result<i64, LedgerError> {
        tx.execute("UPDATE account SET cents = cents - $1", &[&cents]).await?;
        Ok(cents)
    }
}
impl ::flows::__private::Activity for debit::Activity {
    const NAME: &'static str = "debit-v2";
    const SOURCE: ::flows::__private::SourceLocation = ::flows::__private::SourceLocation::new(
        ::std::file!(),
        ::std::line!(),
    );
    const PATH: &'static str = ::std::concat!(::std::module_path!(), "::debit");
    const CODEC: ::flows::__private::Codec = ::flows::__private::Codec::Postcard;
    const TRANSACTIONAL: bool = true;
    type Input = __debit_Input;
    type Output = i64;
    async fn run(
        ctx: ::flows::__private::ActivityContext,
        input: Self::Input,
    ) -> ::flows::__private::Result<Self::Output> {
        ::flows::pg::__private::in_transaction(
                &ctx,
                async |tx| {
                    use ::flows::__private::conversions_prelude::*;
                    let result = Self::debit(tx, input).await;
                    let kind = &&&&::flows::__private::ReturnType::of(&result);
                    kind.convert(result)
                },
            )
            .await
    }
    fn complete_error(error: ::flows::__private::Error) -> ::flows::__private::Error {
        use ::flows::__private::completions_prelude::*;
        (&&::flows::__private::ReturnType::<<Self as debit::__Params>::Returns>::new())
            .complete(error)
    }
}
impl ::flows::__private::Definition for debit::Activity {
    fn register(registry: &mut ::flows::__private::Registry) {
        registry.add_activity(::flows::__private::ActivityDef::of::<Self>());
    }
}
::flows::__private::inventory::submit! {
    ::flows::__private::Registration { register : < debit::Activity as
    ::flows::__private::Definition > ::register, }
}
const _: () = {
    let _ = (debit, debit::run, debit::Activity::NAME);
    let _: ::std::option::Option<(debit::Definition, debit::Input, debit::Output)>;
};
/// What `#[activity]` made of `debit`.
#[allow(unreachable_pub)]
mod debit {
    /// The definition.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Activity;
    #[doc(hidden)]
    pub(super) type Definition = Activity;
    /// The arguments, by name.
    pub(super) type Input = <Activity as ::flows::__private::Activity>::Input;
    /// The success type.
    pub(super) type Output = <Activity as ::flows::__private::Activity>::Output;
    impl Activity {
        /// The name under which it is recorded.
        pub(super) const NAME: &'static str = "debit-v2";
    }
    #[doc(hidden)]
    pub(super) trait __Params {
        type P0;
        type Returns;
    }
    /// Runs the body directly, with nothing recorded: for unit tests.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn run(
        tx: &::flows::pg::Transaction<'_>,
        cents: <Activity as __Params>::P0,
    ) -> impl ::std::future::Future<Output = <Activity as __Params>::Returns> {
        Activity::debit(tx, Input { cents })
    }
}
