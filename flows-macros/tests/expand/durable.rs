//! Expansion, with arguments ``, of
//!
//! ```text
//! async fn longest<'a, T: Display>(ctx: &WorkflowContext, names: &'a [T]) -> Result<&'a T> {
//!     ctx.sleep(SECOND).await?;
//!     names.first().ok_or_else(none)
//! }
//! ```

#[deny(unused_must_use)]
fn longest<'a, T: Display>(
    ctx: &WorkflowContext,
    names: &'a [T],
) -> ::flows::__private::Block<
    impl ::std::future::Future<Output = Result<&'a T>> + ::std::marker::Send,
> {
    ::flows::__private::inventory::submit! {
        ::flows::__private::HelperGraph({ use ::flows::__private::graph_prelude:: *;
        Graph { path : ::std::concat!(::std::module_path!(), "::longest"), nodes : &
        [Node::step(Kind::Sleep, "SECOND", ::std::line!())], } })
    }
    ::flows::__private::helper(
        async move {
            if let ::std::option::Option::Some(never) = ::std::option::Option::None::<
                Result<&'a T>,
            > {
                return never;
            }
            if false {
                use ::flows::__private::lint::{
                    First as _, Last as _, Second as _, Third as _,
                };
                ::flows::__private::lint::Constant::wanted(
                    (&&&&&::flows::__private::lint::Global(&SECOND)).answer(),
                );
            }
            ::flows::__private::durable(ctx.sleep(SECOND)).await?;
            names.first().ok_or_else(none)
        },
        |output: &Result<&'a T>| {
            use ::flows::__private::{MayFail as _, NeverFails as _};
            (&&::flows::__private::BlockOutput(output)).failed()
        },
    )
}
