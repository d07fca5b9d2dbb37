//! Which policy a failed hook call meets.

use hook_types::{Hook as _, HookKind, ReceiversOffline};
use thiserror::Error;

use super::FailureCause;
use crate::app::{FailurePolicy, ImSettings};

/// Why a key of `hook_failure_policies` is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// No such hook.
    #[error(
        "but `{0}` is not a hook; hook names begin with `_`, e.g. `_messageReceived`; for all hooks write `:CAUSE`"
    )]
    UnknownHook(String),
    /// The hook stops no request.
    #[error("but no request waits for `{0}`, so there is none to abort")]
    NotBlocking(String),
    /// No such cause.
    #[error("but `{0}` is not a cause of failure; causes are {causes}", causes = causes())]
    UnknownCause(String),
}

/// The policy for one failure: that of hook and cause, else of the hook, else of the cause, else of the app.
pub(super) fn on_failure(settings: &ImSettings, hook: &str, cause: FailureCause) -> FailurePolicy {
    if hook == ReceiversOffline::NAME {
        return FailurePolicy::Ignore;
    }
    let cause = cause.name();
    let scopes = [format!("{hook}:{cause}"), hook.to_owned(), format!(":{cause}")];
    let narrowed = scopes.iter().find_map(|scope| settings.hook_failure_policies.get(scope));
    narrowed.copied().unwrap_or(settings.on_hook_failure)
}

/// Refuses a scope that no failure can be in.
pub(super) fn check_scope(scope: &str) -> Result<(), ScopeError> {
    let (hook, cause) = scope.split_once(':').map_or((scope, None), |(hook, cause)| (hook, Some(cause)));
    if let Some(cause) = cause
        && !FailureCause::ALL.iter().any(|known| known.name() == cause)
    {
        return Err(ScopeError::UnknownCause(cause.to_owned()));
    }
    if hook.is_empty() && cause.is_some() {
        return Ok(());
    }
    match hook_types::hook::IM_HOOKS.iter().find(|(known, _)| *known == hook) {
        None => Err(ScopeError::UnknownHook(hook.to_owned())),
        // S-83: when `_receiversOffline` fails the message is delivered already, and the default push is sent.
        Some((ReceiversOffline::NAME, _) | (_, HookKind::Notification)) => {
            Err(ScopeError::NotBlocking(hook.to_owned()))
        }
        Some((_, HookKind::Blocking)) => Ok(()),
    }
}

fn causes() -> String {
    FailureCause::ALL.map(|cause| format!("`{}`", cause.name())).join(", ")
}

#[cfg(test)]
mod tests {
    use super::{check_scope, on_failure};
    use crate::app::{FailurePolicy, ImSettings};
    use crate::hooks::FailureCause;

    #[test]
    fn scopes_of_hooks_that_stop_requests_and_of_known_causes_are_allowed() {
        for scope in ["_messageReceived", "_rtmClientSign", ":overloaded", "_conversationAdd:out_of_memory"] {
            assert_eq!(check_scope(scope), Ok(()), "{scope}");
        }
    }

    #[test]
    fn unknown_names_are_refused_by_name() {
        for (scope, named) in [
            ("_messageRecieved", "`_messageRecieved` is not a hook"),
            ("_messageRecieved:timeout", "`_messageRecieved` is not a hook"),
            ("timeout", "write `:CAUSE`"),
            ("", "`` is not a hook"),
            (":", "`` is not a cause"),
            (":timeouts", "`timeouts` is not a cause of failure; causes are `failed`, `timeout`, `trap`"),
            ("_messageReceived:", "`` is not a cause"),
            ("_messageReceived:timeout:trap", "`timeout:trap` is not a cause"),
            ("_messageSent", "no request waits for `_messageSent`"),
            ("_receiversOffline:timeout", "no request waits for `_receiversOffline`"),
        ] {
            let error = check_scope(scope).unwrap_err().to_string();
            assert!(error.contains(named), "{scope}: {error}");
        }
    }

    #[test]
    fn a_failed_hook_that_only_delays_a_push_aborts_nothing() {
        let settings = ImSettings { on_hook_failure: FailurePolicy::Abort, ..ImSettings::default() };
        assert_eq!(on_failure(&settings, "_receiversOffline", FailureCause::TimedOut), FailurePolicy::Ignore);
        assert_eq!(on_failure(&settings, "_messageUpdate", FailureCause::TimedOut), FailurePolicy::Abort);
    }
}
