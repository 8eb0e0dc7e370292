//! Expansions of the function-like macros.

async fn join() {
    ::flows::__private::durable(
            ::flows::__private::join((
                ::flows::__private::durable(a(ctx)),
                ::flows::__private::durable(b(ctx)),
            )),
        )
        .await
}
async fn try_join() {
    crate::library::__private::durable(
            crate::library::__private::try_join((
                crate::library::__private::durable(a(ctx)),
            )),
        )
        .await
}
async fn select() {
    {
        let won = ::flows::__private::durable(
                ::flows::__private::select((
                    ::flows::__private::durable(a(ctx)),
                    ::flows::__private::durable(b(ctx)),
                )),
            )
            .await;
        match won {
            ::flows::__private::Select2::_0(won) => {
                let x = won;
                x?
            }
            ::flows::__private::Select2::_1(won) => {
                let _ = won;
                { continue }
            }
        }
    }
}
async fn register_all() {
    ::flows::__private::Registry::new()
        .with::<order::Definition>()
        .with::<shipping::ship::Definition>()
}
async fn everything() {
    ::flows::__private::Registry::all()
}
