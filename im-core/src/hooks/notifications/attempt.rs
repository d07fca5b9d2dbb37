//! One attempt at a queued call.

use std::sync::Arc;
use std::time::Duration;

use hook_types::HookKind;

use super::retry;
use crate::app::{AppDirectory, ImSettings};
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::queue::{Fate, QueuedCall};
use crate::hooks::settings::timeout;
use crate::hooks::{FailureCause, HookCall, HookFailure};
use crate::ids::AppId;
use crate::timestamp::Timestamp;

/// The longest text of a failure that is kept with a dead letter.
const REASON_LIMIT_BYTES: usize = 1024;

/// How an attempt ended.
pub(super) enum Ended {
    /// The call has its fate.
    Settled(Fate),
    /// The engine could not try the call at all: it waits, and so do the calls behind it.
    EngineAway,
}

/// Calls the hook, unless the call has waited too long.
pub(super) async fn attempt(
    apps: Arc<dyn AppDirectory>,
    calls: Arc<EngineCalls>,
    app: AppId,
    queued: QueuedCall,
) -> Ended {
    // The app may come back. The deletion of an app also deletes its waiting calls.
    let Some(app) = apps.app(&app) else { return Ended::EngineAway };
    let Ok(settings) = calls.settings(&app, queued.hook).await else { return Ended::EngineAway };
    // It is tried once nevertheless: its age may come from a stopped server, or from a wrong clock.
    let too_old = Timestamp::now().since(queued.queued_at) > Duration::from_millis(settings.notification_max_age_ms);
    let call = HookCall {
        app: app.clone(),
        hook: queued.hook,
        params: queued.params.clone(),
        remote_address: queued.remote_address,
        sequence: Some(queued.sequence),
        deadline: timeout(&settings, queued.hook, HookKind::Notification),
    };
    let Err(failure) = calls.call(&settings, call).await else { return Ended::Settled(Fate::Done) };
    let (hook, cause, reason) = (queued.hook, failure.cause.name(), failure.loggable());
    match failure.cause {
        FailureCause::Unavailable | FailureCause::Overloaded if !too_old => {
            tracing::debug!(app = %app.id, hook, cause, reason, "a notification hook waits for its engine");
            Ended::EngineAway
        }
        _ => {
            let ended = after_failure(&settings, &queued, too_old, failure);
            let sequence = queued.sequence;
            match &ended {
                Ended::Settled(Fate::Again { at }) => {
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

fn after_failure(settings: &ImSettings, queued: &QueuedCall, too_old: bool, failure: HookFailure) -> Ended {
    let failed_attempts = queued.attempts.saturating_add(1);
    if too_old || failed_attempts >= settings.notification_attempts {
        return dead(failure);
    }
    let wait = retry::wait(settings, failed_attempts);
    Ended::Settled(Fate::Again { at: Timestamp::now().plus(wait) })
}

fn dead(failure: HookFailure) -> Ended {
    let HookFailure { cause, message: mut reason } = failure;
    reason.truncate(reason.floor_char_boundary(REASON_LIMIT_BYTES));
    Ended::Settled(Fate::Dead { cause, reason })
}
