//! A message of which some receivers are offline.

use hook_types::ReceiversOfflineParams;
use serde::{Deserialize, Serialize};

/// A message of which some receivers are offline, as it waits in the table of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfflineMessage {
    /// What `_receiversOffline` gets.
    pub params: ReceiversOfflineParams,
    /// The sender's own payload, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_data: Option<String>,
}
