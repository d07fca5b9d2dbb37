//! One attempt at a stored call.

use std::sync::Arc;
use std::time::Duration;

use hook_types::{Hook as _, HookKind, ReceiversOffline};

use super::outcome::{Ended, after_failure};
use super::push_calls;
use super::targets::{DueCall, Targets};
use crate::app::{App, ImSettings};
use crate::hooks::channels::PUSH;
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::settings::timeout;
use crate::hooks::{FailureCause, HookCall};
use crate::ids::AppId;
use crate::store::{Call, CallOutcome};
use crate::timestamp::Timestamp;

/// Makes the call.
pub(super) async fn attempt(targets: Arc<Targets>, app: AppId, DueCall { target, call: queued, .. }: DueCall) -> Ended {
    // The app may come back. The deletion of an app also deletes its waiting calls.
    let Some(app) = targets.apps.app(&app) else { return Ended::EngineAway };
    let Ok(settings) = targets.calls.settings(&app, target).await else { return Ended::EngineAway };
    match target {
        ReceiversOffline::NAME => push_calls::receivers_offline(&targets, &app, &settings, &queued).await,
        PUSH => push_calls::hand_over(&targets, &app, &settings, &queued).await,
        hook => call_hook(&targets.calls, &app, &settings, (hook, &queued)).await,
    }
}

/// Calls a notification hook, unless the call has waited too long.
async fn call_hook(
    calls: &EngineCalls,
    app: &Arc<App>,
    settings: &ImSettings,
    (hook, queued): (&'static str, &Call),
) -> Ended {
    // It is tried once nevertheless: its age may come from a stopped server, or from a wrong clock.
    let too_old = Timestamp::now().since(queued.queued_at) > Duration::from_millis(settings.notification_max_age_ms);
    let call = HookCall {
        app: app.clone(),
        hook,
        params: queued.payload.clone(),
        remote_address: queued.remote_address,
        sequence: Some(queued.number),
        deadline: timeout(settings, hook, HookKind::Notification),
    };
    let Err(failure) = calls.call(settings, call).await else { return Ended::Settled(CallOutcome::Done) };
    let (cause, reason) = (failure.cause.name(), failure.loggable());
    match failure.cause {
        FailureCause::Unavailable | FailureCause::Overloaded if !too_old => {
            tracing::debug!(app = %app.id, hook, cause, reason, "a notification hook waits for its engine");
            Ended::EngineAway
        }
        _ => {
            let ended = after_failure(settings, queued, too_old, failure);
            let sequence = queued.number;
            match &ended {
                Ended::Settled(CallOutcome::Again { at }) => {
                    let wait = at.since(Timestamp::now());
                    tracing::warn!(app = %app.id, hook, sequence, cause, "notification hook failed; tried again in {wait:?}");
                }
                _ => {
                    tracing::warn!(app = %app.id, hook, sequence, cause, "notification hook given up: see `hookd dead-letters`");
                }
            }
            ended
        }
    }
}
