//! Who has claimed which calls. In memory: one process works on a file, and with the process its claims end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey};
use hookd_im_core::store::Call;

type Key = (AppId, Channel);

/// The claimed calls of all channels.
#[derive(Default)]
pub(in crate::sqlite) struct Claims {
    channels: Mutex<HashMap<Key, ClaimsOfChannel>>,
}

/// The claimed calls of one channel, by number.
#[derive(Clone, Default)]
pub(super) struct ClaimsOfChannel {
    claims: HashMap<u64, Claim>,
}

#[derive(Clone)]
struct Claim {
    node: NodeId,
    order_key: Option<OrderKey>,
}

impl ClaimsOfChannel {
    /// True when the call or an equal order key is claimed: an older call may have come back before one that runs.
    pub(super) fn holds(&self, call: &Call) -> bool {
        let key_is_held =
            || call.order_key.is_some() && self.claims.values().any(|claim| claim.order_key == call.order_key);
        self.claims.contains_key(&call.number) || key_is_held()
    }

    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }
}

impl Claims {
    pub(super) fn of_channel(&self, app: &AppId, channel: &Channel) -> ClaimsOfChannel {
        self.channels().get(&(app.clone(), channel.clone())).cloned().unwrap_or_default()
    }

    /// Claims those of the calls that are free, with their order keys; the others are taken out of `calls`.
    pub(super) fn claim(&self, node: &NodeId, app: &AppId, channel: &Channel, calls: &mut Vec<Call>) {
        if calls.is_empty() {
            return;
        }
        let mut channels = self.channels();
        let claims = channels.entry((app.clone(), channel.clone())).or_default();
        calls.retain(|call| {
            let is_free = !claims.holds(call);
            if is_free {
                let claim = Claim { node: node.clone(), order_key: call.order_key.clone() };
                claims.claims.insert(call.number, claim);
            }
            is_free
        });
    }

    /// True when the node has claimed the call.
    pub(super) fn is_of(&self, node: &NodeId, app: &AppId, channel: &Channel, number: u64) -> bool {
        let channels = self.channels();
        let claims = channels.get(&(app.clone(), channel.clone()));
        claims.and_then(|claims| claims.claims.get(&number)).is_some_and(|claim| claim.node == *node)
    }

    /// Ends claims of the node.
    pub(super) fn release(&self, node: &NodeId, app: &AppId, channel: &Channel, numbers: &[u64]) {
        let mut channels = self.channels();
        let key = (app.clone(), channel.clone());
        let Some(claims) = channels.get_mut(&key) else { return };
        for number in numbers {
            if claims.claims.get(number).is_some_and(|claim| claim.node == *node) {
                claims.claims.remove(number);
            }
        }
        if claims.claims.is_empty() {
            channels.remove(&key);
        }
    }

    /// Ends all claims of a node.
    pub(in crate::sqlite) fn release_node(&self, node: &NodeId) {
        self.channels().retain(|_, claims| {
            claims.claims.retain(|_, claim| claim.node != *node);
            !claims.claims.is_empty()
        });
    }

    pub(super) fn forget(&self, app: &AppId) {
        self.channels().retain(|(of, _), _| of != app);
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<Key, ClaimsOfChannel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
