//! Single calls of hooks: deadline, breaker, counting. What becomes of a failure is the caller's affair.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::breaker::Breakers;
use super::{AppSettings, FailureCause, HookCall, HookEngine, HookFailure, metrics};
use crate::app::{App, ImSettings};
use crate::store::StoreError;
use crate::trace;

/// How long the engine may overrun the deadline to report the timeout itself, with what it knows of it.
const ENGINE_GRACE: Duration = Duration::from_millis(20);

/// What a call needs beside its own data.
pub(super) struct EngineCalls {
    pub(super) engine: Arc<dyn HookEngine>,
    pub(super) settings: Arc<AppSettings>,
    pub(super) breakers: Breakers,
}

impl EngineCalls {
    /// One call, if the hook's breaker lets it pass.
    ///
    /// # Errors
    /// The failure of the engine or the function; cause [`FailureCause::Unavailable`] while the breaker is open.
    pub(super) async fn call(&self, settings: &ImSettings, call: HookCall) -> Result<Bytes, HookFailure> {
        let breaker = self.breakers.of(&call.app.id);
        let attempt = breaker.admit(call.hook, settings)?;
        let result = self.timed(call).await;
        attempt.ended(result.as_ref().err().map(|failure| failure.cause));
        result
    }

    /// The settings that apply to a call.
    ///
    /// # Errors
    /// Without them the policy is unknown, and only stopping is right for both policies.
    pub(super) async fn settings(&self, app: &App, hook: &str) -> Result<Arc<ImSettings>, HookFailure> {
        self.settings.get(&app.id).await.map_err(|error: StoreError| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(app = %app.id, hook, error, "hook not called: no settings");
            HookFailure {
                cause: FailureCause::Unavailable,
                message: "the settings of the app cannot be read".to_owned(),
            }
        })
    }

    /// One call, never longer than its deadline and [`ENGINE_GRACE`], counted.
    async fn timed(&self, call: HookCall) -> Result<Bytes, HookFailure> {
        let (hook, deadline) = (call.hook, call.deadline);
        let started = Instant::now();
        let app = call.app.clone();
        let answer = async {
            tokio::time::timeout(deadline + ENGINE_GRACE, self.engine.call(call)).await.unwrap_or_else(|_| {
                let message = format!("no answer within {} ms", deadline.as_millis());
                Err(HookFailure { cause: FailureCause::TimedOut, message })
            })
        };
        let result = trace::hook_call(&app.id, hook, answer).await;
        let outcome = result.as_ref().map_or_else(|failure| failure.cause.name(), |_| "replied");
        metrics::called(hook, outcome, started.elapsed());
        result
    }
}
