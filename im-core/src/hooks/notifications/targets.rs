//! Calls that are due, and what they are made with.

use std::sync::Arc;

use super::lease::Term;
use crate::app::AppDirectory;
use crate::hooks::engine_calls::EngineCalls;
use crate::ids::NodeId;
use crate::push::PushGateway;
use crate::store::{Call, Calls, Conversations, Subscriptions};

/// What calls are made with.
pub(super) struct Targets {
    pub(super) apps: Arc<dyn AppDirectory>,
    pub(super) calls: Arc<EngineCalls>,
    pub(super) conversations: Arc<dyn Conversations>,
    pub(super) subscriptions: Arc<dyn Subscriptions>,
    pub(super) gateway: Arc<dyn PushGateway>,
    /// Where calls that follow from others are added, and by which node.
    pub(super) table: Arc<dyn Calls>,
    pub(super) node: NodeId,
}

/// A call that this program can make.
#[derive(Clone, Debug)]
pub(super) struct DueCall {
    /// The hook, or the gateway of pushes.
    pub(super) target: &'static str,
    pub(super) call: Call,
    /// When it was claimed.
    pub(super) term: Term,
}
