//! Nodes: the processes that share a store.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::ids::NodeId;

/// Leases of nodes. A node that renews its lease lives: its open sessions and claimed calls are its own. Who ends a node, or a
/// part of what it left, ends its lease in the same step: so the node learns of it when it renews.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Says that the node lives for as long as `lease` from now on, whether it has a lease or not.
    async fn begin_lease(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError>;

    /// Says that the node lives on for as long as `lease` from now on. False when it has no lease, because it never began or was
    /// ended: then nothing is written, and a repetition answers false too.
    async fn renew_lease(&self, node: &NodeId, lease: Duration) -> Result<bool, StoreError>;

    /// Ends a node whose process is known to be dead, whatever its lease says: adds the `call_if_lost` of each of its open
    /// sessions, deletes the rows of these sessions, and lets other nodes claim the calls that it had claimed. No limit of
    /// calls applies. Answers the number of sessions; a second time it is 0.
    async fn end_node(&self, node: &NodeId) -> Result<usize, StoreError>;

    /// Ends, as [`Self::end_node`] does, the nodes that cannot live because `by` has started: where one process at a time uses
    /// the store, all of earlier processes. A store that several nodes share knows none, and answers 0.
    async fn end_earlier_nodes(&self, by: &NodeId) -> Result<usize, StoreError>;

    /// Ends, as [`Self::end_node`] does, each node except `by` whose lease is over, or which has open sessions or claimed calls
    /// and no lease. A node that claims calls has begun its lease before.
    async fn end_lost_nodes(&self, by: &NodeId) -> Result<usize, StoreError>;
}
