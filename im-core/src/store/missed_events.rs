//! Events that clients fetch after a reconnect (P-59 … P-64).

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::StoreError;
use crate::ids::{AppId, ClientId};
use crate::timestamp::Timestamp;

/// A permanent event of one client, kept for `GET /1.1/rtm/notifications` (P-59 … P-64).
#[derive(Clone, Debug, PartialEq)]
pub struct MissedEvent {
    /// Strictly increasing per client.
    pub server_timestamp: Timestamp,
    /// The flat item of P-64 without `serverTs` and `notificationType`.
    pub payload: Map<String, Value>,
}

/// Events that clients missed while they were offline.
#[async_trait]
pub trait MissedEvents: Send + Sync + 'static {
    /// Keeps one event for each client; answers the times given, in the same order. The times of a client increase
    /// strictly, whatever the clock says.
    async fn add_missed_events(
        &self,
        app: &AppId,
        events: Vec<(ClientId, Map<String, Value>)>,
    ) -> Result<Vec<Timestamp>, StoreError>;

    /// Events of a client after `after`, ascending, at most `limit`.
    async fn missed_events(
        &self,
        app: &AppId,
        client: &ClientId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<MissedEvent>, StoreError>;
}
