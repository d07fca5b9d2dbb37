//! Nodes: the processes that share a store.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::ids::NodeId;

/// Leases of nodes. A node that renews its lease lives: its open sessions and claimed calls are its own.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Says that the node lives for as long as `lease` from now on.
    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError>;

    /// Ends a node whose process is known to be dead, whatever its lease says: adds the `call_if_lost` of each of its open
    /// sessions, deletes the rows of these sessions, and lets other nodes claim the calls that it had claimed. No limit of
    /// calls applies. Answers the number of sessions; a second time it is 0.
    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError>;

    /// Ends, as [`Self::end_node`] does, each node except `by` whose lease is over, or which has open sessions and no lease.
    async fn end_lost_nodes(&self, by: &NodeId) -> Result<usize, StoreError>;
}
