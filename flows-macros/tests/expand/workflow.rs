//! Expansion, with arguments `version = 2, timeout = "2d"`, of
//!
//! ```text
//! /// Ships an order.
//! #[cfg(feature = "orders")]
//! pub(crate) async fn order(ctx: &WorkflowContext, customer: String) -> Result<u64> {
//!     let charged = charge(ctx, customer.clone(), 100).await?;
//!     let (shipped, _) = flows::try_join!(ship(ctx, charged), async { email(ctx, customer).await })?;
//!     Ok(shipped)
//! }
//! ```

#[cfg(feature = "orders")]
/// Ships an order.
#[track_caller]
#[allow(unreachable_pub, clippy::too_many_arguments)]
pub(crate) fn order(
    ctx: &::flows::__private::WorkflowContext,
    customer: String,
) -> ::flows::__private::ChildCall<order::Workflow> {
    ::flows::__private::ChildCall::<
        order::Workflow,
    >::new(ctx, __order_Input { customer })
}
#[cfg(feature = "orders")]
#[doc(hidden)]
#[allow(missing_debug_implementations, non_camel_case_types, unreachable_pub)]
pub(crate) struct __order_Input {
    pub(crate) customer: String,
}
#[automatically_derived]
#[cfg(feature = "orders")]
impl ::flows::__private::serde::Serialize for __order_Input
where
    for<'stored> String: ::flows::__private::Stored<'stored>,
{
    fn serialize<S: ::flows::__private::serde::Serializer>(
        &self,
        serde: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {
        let Self { customer } = self;
        ::flows::__private::InputStruct::new("__order_Input", &["customer"])
            .write(serde, (customer, ()))
    }
}
#[automatically_derived]
#[cfg(feature = "orders")]
impl<'de> ::flows::__private::serde::Deserialize<'de> for __order_Input
where
    for<'stored> String: ::flows::__private::Stored<'stored>,
{
    fn deserialize<D: ::flows::__private::serde::Deserializer<'de>>(
        serde: D,
    ) -> ::std::result::Result<Self, D::Error> {
        let (customer, ()) = ::flows::__private::InputStruct::new(
                "__order_Input",
                &["customer"],
            )
            .read(serde)?;
        ::std::result::Result::Ok(Self { customer })
    }
}
#[cfg(feature = "orders")]
impl ::flows::__private::WorkflowInput for __order_Input
where
    for<'stored> String: ::flows::__private::Stored<'stored>,
{
    type Workflow = order::Workflow;
}
#[cfg(feature = "orders")]
impl order::__Params for order::Workflow {
    type P0 = String;
    type Returns = Result<u64>;
}
#[cfg(feature = "orders")]
impl order::Workflow {
    #[deny(unused_must_use)]
    async fn order(
        ctx: &WorkflowContext,
        __order_Input { customer }: __order_Input,
    ) -> Result<u64> {
        let charged = ::flows::__private::durable(charge(ctx, customer.clone(), 100))
            .await?;
        let (shipped, _) = flows::try_join!(
            ship(ctx, charged), ::flows::__private::block(async {
            ::flows::__private::durable(email(ctx, customer)). await })
        )?;
        Ok(shipped)
    }
}
#[cfg(feature = "orders")]
impl ::flows::__private::Workflow for order::Workflow {
    const NAME: &'static str = "order";
    const SOURCE: ::flows::__private::SourceLocation = ::flows::__private::SourceLocation::new(
        ::std::file!(),
        ::std::line!(),
    );
    const VERSION: u32 = 2u32;
    type Input = __order_Input;
    type Output = u64;
    async fn run(
        ctx: ::flows::__private::WorkflowContext,
        input: Self::Input,
    ) -> ::flows::__private::Result<Self::Output> {
        use ::flows::__private::conversions_prelude::*;
        let result = Self::order(&ctx, input).await;
        let kind = &&&&::flows::__private::ReturnType::of(&result);
        kind.convert(result)
    }
    fn complete_error(error: ::flows::__private::Error) -> ::flows::__private::Error {
        use ::flows::__private::completions_prelude::*;
        (&&::flows::__private::ReturnType::<<Self as order::__Params>::Returns>::new())
            .complete(error)
    }
    fn options() -> ::flows::__private::WorkflowOptions {
        ::flows::__private::WorkflowOptions {
            timeout: ::std::option::Option::Some(
                ::std::time::Duration::from_secs(172800u64),
            ),
            ..::std::default::Default::default()
        }
    }
    const GRAPH: ::flows::__private::Graph = {
        use ::flows::__private::graph_prelude::*;
        Graph {
            path: ::std::concat!(::std::module_path!(), "::order"),
            nodes: &[
                Node::step(Kind::Call, "charge", ::std::line!()),
                Node {
                    kind: Kind::TryJoin,
                    label: "",
                    line: ::std::line!(),
                    options: &[],
                    parts: &[
                        Part {
                            label: "",
                            nodes: &[Node::step(Kind::Call, "ship", ::std::line!())],
                        },
                        Part {
                            label: "",
                            nodes: &[Node::step(Kind::Call, "email", ::std::line!())],
                        },
                    ],
                },
            ],
        }
    };
}
#[cfg(feature = "orders")]
impl ::flows::__private::Definition for order::Workflow {
    fn register(registry: &mut ::flows::__private::Registry) {
        registry.add_workflow(::flows::__private::WorkflowDef::of::<Self>());
    }
}
#[cfg(feature = "orders")]
::flows::__private::inventory::submit! {
    ::flows::__private::Registration { register : < order::Workflow as
    ::flows::__private::Definition > ::register, }
}
#[cfg(feature = "orders")]
const _: () = {
    let _ = (
        order,
        order::run,
        (order::Workflow::NAME, order::Workflow::VERSION, order::Workflow::GRAPH),
    );
    let _: ::std::option::Option<(order::Definition, order::Input, order::Output)>;
};
#[cfg(feature = "orders")]
/// What `#[workflow]` made of `order`.
#[allow(unreachable_pub)]
pub(crate) mod order {
    /// The definition.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Workflow;
    #[doc(hidden)]
    pub(crate) type Definition = Workflow;
    /// The arguments, by name.
    pub(crate) type Input = <Workflow as ::flows::__private::Workflow>::Input;
    /// The success type.
    pub(crate) type Output = <Workflow as ::flows::__private::Workflow>::Output;
    impl Workflow {
        /// The name under which it is recorded.
        pub(crate) const NAME: &'static str = "order";
        /// The version of new runs.
        pub(crate) const VERSION: u32 = 2u32;
        /// The durable call sites; `Display`, `mermaid()` and `dot()` show them.
        pub(crate) const GRAPH: ::flows::__private::Graph = <Self as ::flows::__private::Workflow>::GRAPH;
    }
    #[doc(hidden)]
    pub(crate) trait __Params {
        type P0;
        type Returns;
    }
    /// Runs the body directly, with nothing recorded: for unit tests.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn run(
        ctx: &::flows::__private::WorkflowContext,
        customer: <Workflow as __Params>::P0,
    ) -> impl ::std::future::Future<Output = <Workflow as __Params>::Returns> {
        Workflow::order(ctx, Input { customer })
    }
}
