//! The steps that all builds of the order share.

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipment {
    pub(crate) tracking: String,
}

#[signal]
pub(crate) struct WarehouseReady {
    pub(crate) available: bool,
}

#[activity]
pub(crate) async fn charge_payment(customer: String, cents: u64) -> Result<Receipt> {
    Ok(Receipt { id: format!("receipt-{customer}-{cents}") })
}

#[activity]
pub(crate) async fn reserve(items: u64) -> Result<u64> {
    Ok(items)
}

#[activity]
pub(crate) async fn ship(order: Uuid, items: Vec<Item>) -> Result<Shipment> {
    Ok(Shipment { tracking: format!("T-{}-{}", items.len(), order.get_version_num()) })
}

#[activity]
pub(crate) async fn email(customer: String, text: String) -> Result<()> {
    drop((customer, text));
    Ok(())
}

#[activity]
pub(crate) async fn refund(receipt: String) -> Result<()> {
    drop(receipt);
    Ok(())
}

pub(crate) fn steps() -> Registry {
    register_all![charge_payment, reserve, ship, email, refund]
}
