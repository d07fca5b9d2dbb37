//! A call on its way to the table of calls.

use std::net::IpAddr;

use bytes::Bytes;

use crate::ids::{Channel, OrderKey};

/// A call to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// Calls that wait together. Where one channel of an app stands still, the others go on.
    pub channel: Channel,
    /// What is called: the name of a hook.
    pub target: String,
    /// Calls with the same key are made one after the other.
    pub order_key: Option<OrderKey>,
    /// What the target is called with: any bytes.
    pub payload: Bytes,
    /// The client that caused it (EC-32).
    pub remote_address: Option<IpAddr>,
}
