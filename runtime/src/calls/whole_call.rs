//! The way of a call from its arrival to its outcome.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::time::Instant as TokioInstant;

use super::{Calls, LiveApp};
use crate::admission::{Admitted, QueueFull};
use crate::apps::App;
use crate::call_chain::CallChain;
use crate::fair_turns::Turn;
use crate::logs::CallLog;
use crate::outcome::{Outcome, Overload};
use crate::releases::{LiveVersion, guest_variables};
use crate::sandbox::{BACKGROUND_END, Early, GuestCall, GuestVariables};
use crate::usage::UsageNote;
use api_types::Environment;
use api_types::Limits;

/// A call with all that it needs: it may go on on another thread.
pub(super) struct WholeCall {
    pub(super) calls: Arc<Calls>,
    pub(super) live: Arc<LiveApp>,
    pub(super) environment: Environment,
    pub(super) params: Bytes,
    pub(super) remote_address: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) sequence: Option<u64>,
    pub(super) chain: Option<Arc<CallChain>>,
    pub(super) arrived: Instant,
    pub(super) deadline: TokioInstant,
    pub(super) log: Arc<CallLog>,
    pub(super) usage: Option<UsageNote>,
    /// Where the outcome goes when work goes on after it.
    pub(super) early: Option<Early>,
}

impl WholeCall {
    /// From the queue to the outcome. Dropped when its time is over.
    pub(super) async fn run(mut self) -> Outcome {
        let early = self.early.take();
        let Ok(params) = std::str::from_utf8(&self.params) else {
            return Outcome::failed(1, 400, "the parameters are not UTF-8 text".to_owned());
        };
        let LiveApp { app, version, settings } = &*self.live;
        let Some(function) = version.function(self.log.function()) else { return Outcome::NotDefined };
        let limits = settings.limits.of(self.log.function(), function.kind);
        let _places = match self.admit(limits).await {
            Ok(places) => places,
            Err(outcome) => return outcome,
        };
        let module = match self.calls.code(version, app, self.arrived).await {
            Ok(module) => module,
            Err(outcome) => return outcome,
        };
        let variables = module.reads_variables.then(|| variables(app.clone(), self.environment, version.clone()));
        let call = GuestCall {
            name: self.log.function(),
            params,
            app_id: &app.id,
            environment: self.environment,
            remote_address: self.remote_address.as_deref(),
            session_token: self.session_token.as_deref(),
            sequence: self.sequence,
            limits,
            deadline: self.deadline,
            work_until: self.work_until(limits, module.may_work_on()),
            outbound: &settings.outbound,
            chain: self.chain.as_ref(),
            log: &self.log,
            meters: &function.meters,
            share: app.sandbox_share(),
            variables,
            usage: self.usage.as_ref(),
            variables_number: app.key_changes(),
            idle_instances: version.idle_instances.as_ref(),
        };
        self.calls.sandbox.call(&module, call, early).await
    }

    /// Until when host calls wait: those of work that goes on after the reply too.
    fn work_until(&self, limits: &Limits, may_work_on: bool) -> TokioInstant {
        if !may_work_on {
            return self.deadline;
        }
        let end = TokioInstant::from_std(self.arrived + BACKGROUND_END);
        (self.deadline + limits.background()).min(end).max(self.deadline)
    }

    /// The narrowest first: a call that waits there takes no place from the app's other functions. A call that another
    /// one of the app waits for takes no place of it, and no second one of its function: it would queue behind its own
    /// caller.
    async fn admit<'a>(&'a self, limits: &Limits) -> Result<Held<'a>, Outcome> {
        let full = |limits: &Limits| {
            let (concurrency, queue) = (limits.concurrency, limits.queue);
            move |_: QueueFull| Outcome::Overloaded(Overload::Calls { concurrency, queue })
        };
        let LiveApp { app, settings, .. } = &*self.live;
        let behind = self.chain.as_deref();
        let own_places = settings.admission.of_function(self.log.function());
        let own_places =
            own_places.filter(|_| !behind.is_some_and(|chain| chain.has_call_to(&app.id, self.log.function())));
        let own = match own_places {
            Some(own) => Some(own.admit().await.map_err(full(limits))?),
            None => None,
        };
        let limits_of_app = settings.limits.of_app();
        let of_app = match behind {
            Some(chain) if chain.has_call_of(&app.id) => None,
            _ => Some(settings.admission.of_app.admit().await.map_err(full(limits_of_app))?),
        };
        let of_all = self.calls.slots.take(behind.map_or(0, CallChain::len), app.sandbox_share()).await;
        Ok((own, of_app, of_all.ok_or_else(|| full(limits_of_app)(QueueFull))?))
    }
}

/// What the guest reads as its environment, for when it asks.
fn variables(app: Arc<App>, environment: Environment, version: Arc<LiveVersion>) -> GuestVariables {
    Arc::new(move || guest_variables(app.platform_values(environment), &version))
}

/// Of the function, of the app, of the engine.
type Held<'a> = (Option<Admitted<'a>>, Option<Admitted<'a>>, Turn<'a>);
