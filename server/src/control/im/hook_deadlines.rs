//! Timeouts of the IM core beside the engine's deadlines.

use api_types::control::EngineSettings;
use hookd_im_core::app::{ImSettings, MAX_HOOK_TIMEOUT};
use hookd_runtime::FunctionKind;

/// Refuses timeouts that would never end a call, because the engine stops the hook sooner. `engine` are the app's settings there;
/// values that it does not send are not checked.
pub(super) fn check_timeouts(im: &ImSettings, engine: &EngineSettings) -> Result<(), String> {
    // The hooks are elsewhere.
    if im.engine_url.is_some() {
        return Ok(());
    }
    let of_kind = |kind| {
        let deadlines = engine.hook_deadlines_ms?;
        Some(match kind {
            FunctionKind::NotificationHook => deadlines.notification,
            FunctionKind::BlockingHook | FunctionKind::Function => deadlines.blocking,
        })
    };
    let kinds = [
        ("blocking_hook_timeout_ms", im.blocking_hook_timeout_ms, FunctionKind::BlockingHook),
        ("notification_hook_timeout_ms", im.notification_hook_timeout_ms, FunctionKind::NotificationHook),
    ];
    for (key, timeout_ms, kind) in kinds {
        if let Some(deadline_ms) = of_kind(kind).filter(|deadline_ms| is_never_met(timeout_ms, *deadline_ms)) {
            return Err(never_met(key, timeout_ms, deadline_ms, &format!("--limit deadline_ms={timeout_ms}")));
        }
    }
    for (hook, timeout_ms) in &im.hook_timeouts_ms {
        let own = engine.function_limits.get(hook).and_then(|limits| limits.get("deadline_ms")).copied();
        let deadline_ms = own.or_else(|| of_kind(FunctionKind::of(hook)));
        if let Some(deadline_ms) = deadline_ms.filter(|deadline_ms| is_never_met(*timeout_ms, *deadline_ms)) {
            let fix = format!("--function-limit {hook}:deadline_ms={timeout_ms}");
            return Err(never_met(hook, *timeout_ms, deadline_ms, &fix));
        }
    }
    Ok(())
}

/// The IM core itself refuses values above the longest timeout.
fn is_never_met(timeout_ms: u64, deadline_ms: u64) -> bool {
    timeout_ms > deadline_ms && u128::from(timeout_ms) <= MAX_HOOK_TIMEOUT.as_millis()
}

fn never_met(key: &str, timeout_ms: u64, deadline_ms: u64, fix: &str) -> String {
    format!(
        "`{key}` is {timeout_ms} ms, but the engine stops such a hook after {deadline_ms} ms (limit `deadline_ms`); raise \
         that first, with `hookd settings {fix}`"
    )
}

#[cfg(test)]
mod tests {
    use api_types::control::HookDeadlines;

    use super::*;

    fn engine(notification: u64) -> EngineSettings {
        let hook_deadlines_ms = Some(HookDeadlines { blocking: 10_000, notification });
        EngineSettings { hook_deadlines_ms, ..EngineSettings::default() }
    }

    #[test]
    fn a_timeout_that_the_engine_would_never_meet_is_refused_with_the_fix() {
        let im = ImSettings { notification_hook_timeout_ms: 8_000, ..ImSettings::default() };
        let refused = check_timeouts(&im, &engine(3_000)).unwrap_err();
        assert!(refused.contains("hookd settings --limit deadline_ms=8000"), "{refused}");
        assert_eq!(check_timeouts(&im, &engine(10_000)), Ok(()));
        assert_eq!(check_timeouts(&im, &EngineSettings::default()), Ok(()), "an engine that is dead");
    }

    #[test]
    fn a_hooks_own_deadline_counts() {
        let hook_timeouts_ms = [("_messageSent".to_owned(), 8_000)].into();
        let im = ImSettings { hook_timeouts_ms, ..ImSettings::default() };
        let refused = check_timeouts(&im, &engine(3_000));
        assert!(refused.unwrap_err().contains("--function-limit _messageSent:deadline_ms=8000"));
        let function_limits = [("_messageSent".to_owned(), [("deadline_ms".to_owned(), 9_000)].into())].into();
        let own = EngineSettings { function_limits, ..engine(3_000) };
        assert_eq!(check_timeouts(&im, &own), Ok(()));
    }
}
