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
    /// How often claims were ended.
    releases: u64,
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

    /// Claims those of the calls that are free, with their order keys; the others are taken out of `calls`. False when
    /// claims were ended after `before`: then calls that were read meanwhile may be settled, and none is claimed.
    pub(super) fn claim(
        &self,
        node: &NodeId,
        (app, channel): (&AppId, &Channel),
        before: &ClaimsOfChannel,
        calls: &mut Vec<Call>,
    ) -> bool {
        if calls.is_empty() {
            return true;
        }
        let mut channels = self.channels();
        let claims = channels.entry((app.clone(), channel.clone())).or_default();
        if claims.releases != before.releases {
            return false;
        }
        calls.retain(|call| {
            let is_free = !claims.holds(call);
            if is_free {
                let claim = Claim { node: node.clone(), order_key: call.order_key.clone() };
                claims.claims.insert(call.number, claim);
            }
            is_free
        });
        true
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
        let Some(claims) = channels.get_mut(&(app.clone(), channel.clone())) else { return };
        claims.releases += 1;
        for number in numbers {
            if claims.claims.get(number).is_some_and(|claim| claim.node == *node) {
                claims.claims.remove(number);
            }
        }
    }

    /// Ends all claims of a node.
    pub(in crate::sqlite) fn release_node(&self, node: &NodeId) {
        for claims in self.channels().values_mut() {
            claims.claims.retain(|_, claim| claim.node != *node);
            claims.releases += 1;
        }
    }

    pub(super) fn forget(&self, app: &AppId) {
        self.channels().retain(|(of, _), _| of != app);
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<Key, ClaimsOfChannel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey};
    use hookd_im_core::store::Call;
    use hookd_im_core::timestamp::Timestamp;

    use super::Claims;

    fn call(number: u64) -> Call {
        Call {
            number,
            target: "_messageSent".to_owned(),
            order_key: (number > 10).then(|| OrderKey::new("tom")),
            payload: Bytes::new(),
            remote_address: None,
            queued_at: Timestamp(0),
            attempts: 0,
        }
    }

    #[test]
    fn a_call_that_was_read_before_another_node_settled_it_is_not_claimed() {
        let (claims, app, channel) = (Claims::default(), AppId::new("demo"), Channel::new("_messageSent"));
        let (one, other) = (NodeId::new("one"), NodeId::new("other"));
        let before = claims.of_channel(&app, &channel);
        let (mut of_one, mut of_other) = (vec![call(1), call(11)], vec![call(1), call(12), call(2)]);
        assert!(claims.claim(&one, (&app, &channel), &before, &mut of_one));
        assert!(claims.claim(&other, (&app, &channel), &before, &mut of_other));
        assert_eq!(of_other, [call(2)], "the others are claimed, or their key is");
        claims.release(&one, &app, &channel, &[1]);
        assert!(!claims.claim(&other, (&app, &channel), &before, &mut vec![call(1)]));
        let now = claims.of_channel(&app, &channel);
        assert!(claims.claim(&other, (&app, &channel), &now, &mut vec![call(3)]));
    }
}
