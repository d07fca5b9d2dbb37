//! What a gateway is asked for (S-114, S-119).

use std::collections::HashSet;

use hook_types::ReceiversOfflineReply;
use serde::Serialize;
use serde_json::{Map, Value};

use super::OfflineMessage;
use super::payload::choose;
use crate::app::ImSettings;
use crate::ids::ClientId;

/// A push of an IM message is worth nothing after a week (S-118).
const EXPIRATION_SECONDS: u32 = 7 * 24 * 60 * 60;

/// Clients that one message is pushed to: more than a conversation has members.
pub(crate) const MAX_RECEIVERS: usize = 10_000;

/// The body of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PushRequest {
    /// The clients: devices name them as channels (S-34).
    pub(crate) channels: Vec<String>,
    /// The payload.
    pub(crate) data: Map<String, Value>,
    /// `prod` or `dev`.
    pub(crate) prod: &'static str,
    /// Seconds.
    pub(crate) expiration_interval: u32,
}

/// What becomes of a message whose receivers are offline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// To be handed to the gateway.
    Push(PushRequest),
    /// Nothing is sent, for this reason.
    Nothing(&'static str),
}

/// Decides with the hook's reply, or its default where there was none (S-114).
pub(crate) fn decide(
    message: &OfflineMessage,
    reply: ReceiversOfflineReply,
    muted: &[ClientId],
    settings: &ImSettings,
) -> Decision {
    if reply.skip {
        return Decision::Nothing("the hook skips it");
    }
    let receivers = reply.offline_peers.as_ref().unwrap_or(&message.params.offline_peers);
    let is_muted = |receiver: &&String| muted.iter().any(|muted| muted.as_str() == receiver.as_str());
    let mut seen = HashSet::new();
    let channels: Vec<String> = receivers
        .iter()
        .filter(|receiver| ClientId::new(receiver.as_str()).is_valid() && seen.insert(receiver.as_str()))
        .filter(|receiver| reply.force || !is_muted(receiver))
        .take(MAX_RECEIVERS)
        .cloned()
        .collect();
    if channels.is_empty() {
        return Decision::Nothing("no receiver is left");
    }
    let sources = (reply.push_message, message.push_data.as_deref(), settings.push_content.as_deref());
    let Some(data) = choose(sources, &message.params) else { return Decision::Nothing("there is no payload") };
    let is_dev = data.get("_profile").map_or(settings.push_dev, |profile| profile == "dev");
    let prod = if is_dev { "dev" } else { "prod" };
    Decision::Push(PushRequest { channels, data, prod, expiration_interval: EXPIRATION_SECONDS })
}

#[cfg(test)]
mod tests {
    use hook_types::{ReceiversOfflineParams, ReceiversOfflineReply};
    use serde_json::{Value, json};

    use super::{Decision, PushRequest, decide};
    use crate::app::ImSettings;
    use crate::ids::ClientId;
    use crate::push::OfflineMessage;

    fn message(offline: &[&str]) -> OfflineMessage {
        let offline_peers = offline.iter().map(|&client| client.to_owned()).collect();
        let params = ReceiversOfflineParams { offline_peers, ..ReceiversOfflineParams::default() };
        OfflineMessage { params, push_data: Some(r#"{"alert":"hi"}"#.to_owned()) }
    }

    fn decided(reply: ReceiversOfflineReply, settings: &ImSettings) -> Value {
        match decide(&message(&["jerry", "spike"]), reply, &[ClientId::new("spike")], settings) {
            Decision::Push(request) => serde_json::to_value(request).unwrap(),
            Decision::Nothing(reason) => json!(reason),
        }
    }

    /// S-119.
    #[test]
    fn a_push_goes_to_those_that_did_not_mute_the_conversation() {
        let expected =
            json!({"channels": ["jerry"], "data": {"alert": "hi"}, "prod": "prod", "expiration_interval": 604_800});
        assert_eq!(decided(ReceiversOfflineReply::pass(), &ImSettings::default()), expected);
    }

    /// S-91.
    #[test]
    fn the_hook_skips_narrows_and_forces() {
        let settings = ImSettings::default();
        assert_eq!(decided(ReceiversOfflineReply::skip(), &settings), "the hook skips it");
        let to = |peers: &[&str], force| ReceiversOfflineReply {
            offline_peers: Some(peers.iter().map(|&peer| peer.to_owned()).collect()),
            force,
            ..ReceiversOfflineReply::default()
        };
        let channels = |reply| decided(reply, &settings)["channels"].clone();
        assert_eq!(channels(to(&["anna", "anna", "spike", ""], false)), json!(["anna"]));
        assert_eq!(channels(to(&["anna", "spike"], true)), json!(["anna", "spike"]));
        assert_eq!(decided(to(&["spike"], false), &settings), "no receiver is left");
        assert_eq!(decided(to(&[], false), &settings), "no receiver is left");
    }

    #[test]
    fn the_environment_comes_from_the_payload_or_the_app() {
        let dev = ImSettings { push_dev: true, ..ImSettings::default() };
        assert_eq!(decided(ReceiversOfflineReply::pass(), &dev)["prod"], "dev");
        let payload = |profile: &str| {
            ReceiversOfflineReply::push(json!({"alert": "x", "_profile": profile}).as_object().unwrap().clone())
        };
        assert_eq!(decided(payload("dev"), &ImSettings::default())["prod"], "dev");
        assert_eq!(decided(payload("prod"), &dev)["prod"], "prod");
    }

    #[test]
    fn without_a_payload_nothing_is_pushed() {
        let bare = OfflineMessage { push_data: None, ..message(&["jerry"]) };
        let decision = decide(&bare, ReceiversOfflineReply::pass(), &[], &ImSettings::default());
        assert_eq!(decision, Decision::Nothing("there is no payload"));
        let content = r#"{"alert":"new message"}"#.to_owned();
        let settings = ImSettings { push_content: Some(content), ..ImSettings::default() };
        let Decision::Push(PushRequest { data, .. }) = decide(&bare, ReceiversOfflineReply::pass(), &[], &settings)
        else {
            panic!("no push")
        };
        assert_eq!(Value::Object(data), json!({"alert": "new message"}));
    }
}
