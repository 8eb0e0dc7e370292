//! Expansion, with arguments `retry(max_attempts = 5, initial_interval = "200ms"), start_to_close = "30s"`, of
//!
//! ```text
//! /// Charges a customer.
//! pub async fn charge(ctx: &ActivityContext, customer: String, mut cents: u64) -> Result<Receipt> {
//!     cents += ctx.state::<Gateway>()?.fee;
//!     Ok(Receipt { customer, cents })
//! }
//! ```

/// Charges a customer.
#[track_caller]
#[allow(unreachable_pub, clippy::too_many_arguments)]
pub fn charge(
    ctx: &::flows::__private::WorkflowContext,
    customer: String,
    cents: u64,
) -> ::flows::__private::Call<charge::Activity> {
    ::flows::__private::Call::<
        charge::Activity,
    >::new(ctx, __charge_Input { customer, cents })
}
#[doc(hidden)]
#[allow(missing_debug_implementations, non_camel_case_types, unreachable_pub)]
pub struct __charge_Input {
    pub customer: String,
    pub cents: u64,
}
#[automatically_derived]
impl ::flows::__private::serde::Serialize for __charge_Input
where
    for<'stored> String: ::flows::__private::Stored<'stored>,
    for<'stored> u64: ::flows::__private::Stored<'stored>,
{
    fn serialize<S: ::flows::__private::serde::Serializer>(
        &self,
        serde: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {
        let Self { customer, cents } = self;
        ::flows::__private::InputStruct::new("__charge_Input", &["customer", "cents"])
            .write(serde, (customer, (cents, ())))
    }
}
#[automatically_derived]
impl<'de> ::flows::__private::serde::Deserialize<'de> for __charge_Input
where
    for<'stored> String: ::flows::__private::Stored<'stored>,
    for<'stored> u64: ::flows::__private::Stored<'stored>,
{
    fn deserialize<D: ::flows::__private::serde::Deserializer<'de>>(
        serde: D,
    ) -> ::std::result::Result<Self, D::Error> {
        let (customer, (cents, ())) = ::flows::__private::InputStruct::new(
                "__charge_Input",
                &["customer", "cents"],
            )
            .read(serde)?;
        ::std::result::Result::Ok(Self { customer, cents })
    }
}
impl charge::__Params for charge::Activity {
    type P0 = String;
    type P1 = u64;
    type Returns = Result<Receipt>;
}
impl charge::Activity {
    async fn charge(
        ctx: &ActivityContext,
        __charge_Input { customer, mut cents }: __charge_Input,
    ) -> Result<Receipt> {
        cents += ctx.state::<Gateway>()?.fee;
        Ok(Receipt { customer, cents })
    }
}
impl ::flows::__private::Activity for charge::Activity {
    const NAME: &'static str = "charge";
    const SOURCE: ::flows::__private::SourceLocation = ::flows::__private::SourceLocation::new(
        ::std::file!(),
        ::std::line!(),
    );
    const PATH: &'static str = ::std::concat!(::std::module_path!(), "::charge");
    type Input = __charge_Input;
    type Output = Receipt;
    async fn run(
        ctx: ::flows::__private::ActivityContext,
        input: Self::Input,
    ) -> ::flows::__private::Result<Self::Output> {
        use ::flows::__private::conversions_prelude::*;
        let result = Self::charge(&ctx, input).await;
        let kind = &&&&::flows::__private::ReturnType::of(&result);
        kind.convert(result)
    }
    fn complete_error(error: ::flows::__private::Error) -> ::flows::__private::Error {
        use ::flows::__private::completions_prelude::*;
        (&&::flows::__private::ReturnType::<<Self as charge::__Params>::Returns>::new())
            .complete(error)
    }
    fn options() -> ::flows::__private::ActivityOptions {
        ::flows::__private::ActivityOptions {
            retry: ::flows::__private::RetryPolicy::default()
                .max_attempts(5u32)
                .initial_interval(::std::time::Duration::from_millis(200u64)),
            start_to_close: ::std::time::Duration::from_secs(30u64),
            ..::std::default::Default::default()
        }
    }
    fn state_needs() -> ::std::vec::Vec<::flows::__private::StateNeed> {
        ::std::vec![::flows::__private::StateNeed::of:: < Gateway > ()]
    }
}
impl ::flows::__private::Definition for charge::Activity {
    fn register(registry: &mut ::flows::__private::Registry) {
        registry.add_activity(::flows::__private::ActivityDef::of::<Self>());
    }
}
::flows::__private::inventory::submit! {
    ::flows::__private::Registration { register : < charge::Activity as
    ::flows::__private::Definition > ::register, }
}
const _: () = {
    let _ = (charge, charge::run, charge::Activity::NAME);
    let _: ::std::option::Option<(charge::Definition, charge::Input, charge::Output)>;
};
/// What `#[activity]` made of `charge`.
#[allow(unreachable_pub)]
pub mod charge {
    /// The definition.
    #[derive(Clone, Copy, Debug)]
    pub struct Activity;
    #[doc(hidden)]
    pub type Definition = Activity;
    /// The arguments, by name.
    pub type Input = <Activity as ::flows::__private::Activity>::Input;
    /// The success type.
    pub type Output = <Activity as ::flows::__private::Activity>::Output;
    impl Activity {
        /// The name under which it is recorded.
        pub const NAME: &'static str = "charge";
    }
    #[doc(hidden)]
    pub trait __Params {
        type P0;
        type P1;
        type Returns;
    }
    /// Runs the body directly, with nothing recorded: for unit tests.
    #[allow(clippy::too_many_arguments)]
    pub fn run(
        ctx: &::flows::__private::ActivityContext,
        customer: <Activity as __Params>::P0,
        cents: <Activity as __Params>::P1,
    ) -> impl ::std::future::Future<Output = <Activity as __Params>::Returns> {
        Activity::charge(ctx, Input { customer, cents })
    }
}
