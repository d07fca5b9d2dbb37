//! One attempt at a stored call.

use std::sync::Arc;
use std::time::Duration;

use hook_types::{Hook as _, HookKind, ReceiversOffline};

use super::lease::Term;
use super::{push_calls, retry};
use crate::app::{App, AppDirectory, ImSettings};
use crate::hooks::channels::PUSH;
use crate::hooks::engine_calls::EngineCalls;
use crate::hooks::settings::timeout;
use crate::hooks::{FailureCause, HookCall, HookFailure};
use crate::ids::{AppId, Channel, NodeId};
use crate::push::PushGateway;
use crate::store::{Call, CallOutcome, Calls, Conversations};
use crate::timestamp::Timestamp;

/// The longest text of a failure that is kept with a dead letter.
const REASON_LIMIT_BYTES: usize = 1024;

/// What calls are made with.
pub(super) struct Targets {
    pub(super) apps: Arc<dyn AppDirectory>,
    pub(super) calls: Arc<EngineCalls>,
    pub(super) conversations: Arc<dyn Conversations>,
    pub(super) gateway: Arc<dyn PushGateway>,
    /// Where calls that follow from others are added, and by which node.
    pub(super) table: Arc<dyn Calls>,
    pub(super) node: NodeId,
}

/// A call that this program can make.
#[derive(Clone, Debug)]
pub(super) struct DueCall {
    /// The hook, or the gateway of pushes.
    pub(super) target: &'static str,
    pub(super) call: Call,
    /// When it was claimed.
    pub(super) term: Term,
}

/// How an attempt ended.
pub(super) enum Ended {
    /// The outcome is to be written.
    Settled(CallOutcome),
    /// It is done, and a call that follows from it waits in this channel.
    Continued(Channel),
    /// The engine could not try the call at all: it waits, and so do the calls behind it.
    EngineAway,
}

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

pub(super) fn after_failure(settings: &ImSettings, queued: &Call, too_old: bool, failure: HookFailure) -> Ended {
    let failed_attempts = queued.attempts.saturating_add(1);
    if too_old || failed_attempts >= settings.notification_attempts {
        return dead(failure);
    }
    let wait = retry::wait(settings, failed_attempts);
    Ended::Settled(CallOutcome::Again { at: Timestamp::now().plus(wait) })
}

fn dead(failure: HookFailure) -> Ended {
    let HookFailure { cause, message: mut reason } = failure;
    reason.truncate(reason.floor_char_boundary(REASON_LIMIT_BYTES));
    Ended::Settled(CallOutcome::Dead { cause: cause.name().to_owned(), reason })
}
