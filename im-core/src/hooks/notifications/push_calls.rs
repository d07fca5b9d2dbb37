//! The two calls of an offline push: first `_receiversOffline` decides (S-114), then the app's gateway gets what was decided.
//! Each has its own row in the table of calls, so that the hook is not asked again while the gateway is away.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hook_types::{Hook as _, HookKind, ReadReply, ReceiversOffline, ReceiversOfflineReply, read_reply};
use sha2::Sha256;

use super::outcome::{Ended, after_failure};
use super::targets::Targets;
use super::{encode, limits_of};
use crate::app::{App, ImSettings};
use crate::hooks::channels::{PUSH, UNREADABLE, channel_of};
use crate::hooks::settings::timeout;
use crate::hooks::{FailureCause, HookCall, HookFailure, metrics};
use crate::ids::{ClientId, ConversationId};
use crate::push::{Decision, MAX_RECEIVERS, OfflineMessage, PushFailure, SignedPush, TO_LOG, decide};
use crate::store::{Call, CallOutcome, Conversation, ConversationKind, NewCall, StoreError, StoredCall};
use crate::timestamp::Timestamp;

/// Asks the hook, and hands the push that it leaves on to the gateway.
pub(super) async fn receivers_offline(
    targets: &Targets,
    app: &Arc<App>,
    settings: &ImSettings,
    queued: &Call,
) -> Ended {
    let message: OfflineMessage = match serde_json::from_slice(&queued.payload) {
        Ok(message) => message,
        Err(error) => return unreadable(&error),
    };
    let reply = ask(targets, app, settings, (&message, queued)).await;
    let id = ConversationId::new(message.params.conv_id.as_str());
    let conversation = match targets.conversations.conversation(&app.id, &id).await {
        Ok(Some(conversation)) => conversation,
        Ok(None) => return done(),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(app = %app.id, error, "a push waits: its conversation cannot be read");
            return Ended::EngineAway;
        }
    };
    let muted = match muted(targets, app, conversation, &message, &reply).await {
        Ok(muted) => muted,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(app = %app.id, error, "a push waits: its subscribers cannot be read");
            return Ended::EngineAway;
        }
    };
    let push = match decide(&message, reply, &muted, settings) {
        Decision::Push(push) => push,
        Decision::Nothing(reason) => {
            tracing::debug!(app = %app.id, conversation = %id, reason, "no push");
            return done();
        }
    };
    match settings.push_gateway.as_deref() {
        None => done(),
        Some(TO_LOG) => {
            let receivers = push.channels.len();
            tracing::info!(app = %app.id, conversation = %id, receivers, environment = push.prod, "push");
            done()
        }
        Some(_) => match serde_json::to_vec(&push) {
            Ok(body) => add_push(targets, app, settings, Bytes::from(body)).await,
            Err(error) => unreadable(&error),
        },
    }
}

/// Those who get no push. A service conversation keeps it with their subscriptions.
async fn muted(
    targets: &Targets,
    app: &App,
    conversation: Conversation,
    message: &OfflineMessage,
    reply: &ReceiversOfflineReply,
) -> Result<Vec<ClientId>, StoreError> {
    if conversation.kind != ConversationKind::Service {
        return Ok(conversation.muted);
    }
    let receivers = reply.offline_peers.as_ref().unwrap_or(&message.params.offline_peers);
    let receivers: Vec<ClientId> = receivers.iter().take(MAX_RECEIVERS).map(|id| ClientId::new(id.as_str())).collect();
    targets.subscriptions.muted_subscribers(&app.id, &conversation.id, &receivers).await
}

/// The hook's reply; the default one where it is not defined or fails (S-83).
async fn ask(
    targets: &Targets,
    app: &Arc<App>,
    settings: &ImSettings,
    (message, queued): (&OfflineMessage, &Call),
) -> ReceiversOfflineReply {
    if !targets.calls.engine.defines(app, ReceiversOffline::NAME) {
        return ReceiversOfflineReply::default();
    }
    let asking = async {
        let call = HookCall {
            app: app.clone(),
            hook: ReceiversOffline::NAME,
            params: encode::<ReceiversOffline>(&message.params)?,
            remote_address: queued.remote_address,
            sequence: Some(queued.number),
            // It delays no client's request.
            deadline: timeout(settings, ReceiversOffline::NAME, HookKind::Notification),
        };
        let json = targets.calls.call(settings, call).await?;
        let read = read_reply::<ReceiversOffline>(&json);
        read.map_err(|error| HookFailure { cause: FailureCause::BadReply, message: error.to_string() })
    };
    match asking.await {
        Ok(ReadReply { reply, ignored_keys, .. }) => {
            if !ignored_keys.is_empty() {
                let (hook, keys) = (ReceiversOffline::NAME, ignored_keys);
                tracing::warn!(app = %app.id, hook, ?keys, "keys of a hook's reply ignored: their values have the wrong type");
            }
            reply
        }
        Err(failure) => {
            let (hook, cause) = (ReceiversOffline::NAME, failure.cause.name());
            tracing::warn!(app = %app.id, hook, cause, reason = failure.loggable(), "hook call failed: the default push");
            metrics::let_through(hook, failure.cause);
            ReceiversOfflineReply::default()
        }
    }
}

async fn add_push(targets: &Targets, app: &App, settings: &ImSettings, body: Bytes) -> Ended {
    let channel = channel_of(PUSH);
    let call = NewCall {
        channel: channel.clone(),
        target: PUSH.to_owned(),
        order_key: None,
        payload: body,
        remote_address: None,
    };
    let limits = limits_of(settings);
    match targets.table.add_calls(&targets.node, &app.id, vec![call.into()], limits).await {
        Ok(stored) if stored.contains(&StoredCall::Full) => {
            metrics::dropped(PUSH);
            tracing::warn!(app = %app.id, "push dropped: too many wait; raise `notification_queue_limit` or look at why the gateway is slow");
            done()
        }
        Ok(_) => {
            metrics::queued(PUSH);
            Ended::Continued(channel)
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(app = %app.id, error, "a push waits: it cannot be stored");
            Ended::EngineAway
        }
    }
}

/// Hands a push to the gateway that the app has now.
pub(super) async fn hand_over(targets: &Targets, app: &App, settings: &ImSettings, queued: &Call) -> Ended {
    let Some(url) = settings.push_gateway.as_deref().filter(|url| *url != TO_LOG) else { return done() };
    let too_old =
        Timestamp::now().since(queued.queued_at) > std::time::Duration::from_millis(settings.notification_max_age_ms);
    let push = signed(app, (url, settings.push_gateway_by_operator), queued);
    let Err(PushFailure(message)) = targets.gateway.send(push).await else { return done() };
    let ended =
        after_failure(settings, queued, too_old, HookFailure { cause: FailureCause::Failed, message: message.clone() });
    match &ended {
        Ended::Settled(CallOutcome::Again { at }) => {
            let wait = at.since(Timestamp::now());
            tracing::warn!(app = %app.id, reason = message, "the push gateway failed; tried again in {wait:?}");
        }
        _ => tracing::warn!(app = %app.id, reason = message, "push given up: see `hookd dead-letters`"),
    }
    ended
}

fn signed(app: &App, (url, by_operator): (&str, bool), queued: &Call) -> SignedPush {
    let (timestamp, body) = (Timestamp::now().0, queued.payload.clone());
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(app.hook_key.as_bytes()).expect("any key is one");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(&body);
    SignedPush {
        app: app.id.as_str().to_owned(),
        url: url.to_owned(),
        by_operator,
        number: queued.number,
        timestamp,
        signature: hex::encode(mac.finalize().into_bytes()),
        body,
    }
}

fn done() -> Ended {
    Ended::Settled(CallOutcome::Done)
}

fn unreadable(error: &serde_json::Error) -> Ended {
    let reason = format!("the call cannot be read: {error}");
    Ended::Settled(CallOutcome::Dead { cause: UNREADABLE.to_owned(), reason })
}
