//! Expansion, with arguments ``, of
//!
//! ```text
//! #[derive(Debug)]
//! pub struct WarehouseReady {
//!     available: bool,
//! }
//! ```

#[derive(::flows::__private::serde::Serialize, ::flows::__private::serde::Deserialize)]
#[serde(crate = "::flows::__private::serde")]
#[derive(Debug)]
pub struct WarehouseReady {
    available: bool,
}
impl ::flows::__private::Signal for WarehouseReady {
    const NAME: &'static str = "warehouse-ready";
}
::flows::__private::inventory::submit! {
    ::flows::__private::SignalEntry::of:: < WarehouseReady >
    (::std::concat!(::std::module_path!(), "::", ::std::stringify!(WarehouseReady)))
}
