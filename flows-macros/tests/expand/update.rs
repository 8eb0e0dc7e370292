//! Expansion, with arguments `response = Vec<(u32, String)>`, of
//!
//! ```text
//! pub struct AddItem {
//!     item: String,
//! }
//! ```

#[derive(::flows::__private::serde::Serialize, ::flows::__private::serde::Deserialize)]
#[serde(crate = "::flows::__private::serde")]
pub struct AddItem {
    item: String,
}
impl ::flows::__private::Update for AddItem {
    const NAME: &'static str = "add-item";
    type Response = Vec<(u32, String)>;
    type Error = ::flows::__private::Error;
}
::flows::__private::inventory::submit! {
    ::flows::__private::UpdateEntry::of:: < AddItem >
    (::std::concat!(::std::module_path!(), "::", ::std::stringify!(AddItem)))
}
