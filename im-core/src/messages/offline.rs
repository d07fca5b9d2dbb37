//! Receivers that are offline when a message goes out (S-100, step 16).

use hook_types::ReceiversOfflineParams;

use super::content;
use crate::actor::Actor;
use crate::conversations::texts;
use crate::core::ImCore;
use crate::delivery::DeliveredMessage;
use crate::hooks::Written;
use crate::ids::ClientId;
use crate::push::OfflineMessage;

/// Stores that some receivers of a message are offline, if somebody is to hear of it: the hook `_receiversOffline`, or the app's
/// gateway for pushes. Never of a transient message. A failure is logged: the message itself is stored and delivered.
pub(super) async fn tell(
    core: &ImCore,
    actor: &Actor,
    message: &DeliveredMessage,
    (receivers, push_data): (&[ClientId], Option<&String>),
) -> Written {
    let notifications = core.hooks.notifications();
    if message.transient {
        return Written::ALREADY;
    }
    match notifications.wants_offline_messages(&actor.app).await {
        Ok(true) => {}
        Ok(false) => return Written::ALREADY,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(app = %actor.app.id, error, "no push: the settings of the app cannot be read");
            return Written::ALREADY;
        }
    }
    let are_online = core.presence.are_online(&actor.app.id, receivers).await;
    let offline: Vec<ClientId> = receivers
        .iter()
        .zip(are_online)
        .filter(|(_, is_online)| !is_online)
        .map(|(client, _)| client.clone())
        .collect();
    if offline.is_empty() {
        return Written::ALREADY;
    }
    let mentioned = offline.iter().filter(|client| !message.mention_all && message.mentions.contains(client));
    let params = ReceiversOfflineParams {
        from_peer: message.from.as_str().to_owned(),
        conv_id: message.conversation.as_str().to_owned(),
        mention_offline_peers: mentioned.map(|client| client.as_str().to_owned()).collect(),
        offline_peers: texts(&offline),
        content: content::to_text(&message.body).0,
        timestamp: message.timestamp.0,
        mention_all: message.mention_all,
    };
    let message = OfflineMessage { params, push_data: push_data.cloned() };
    notifications.receivers_offline(&actor.app, &message, Some(actor.address))
}
