//! How much a client may ask for in a minute (S-27, S-28).
//!
//! A client has an allowance for each type of operation, over all of its sessions on this node. It may use it up at once, and gets
//! it back evenly over a minute. What it has used is in memory, of clients that asked within the last minute.

mod allowances;
pub mod metrics;
mod operation;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::{Clock, MonotonicClock};

pub use operation::Operation;

use self::allowances::Allowances;
use self::told::Told;
use crate::app::ImSettings;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId};

/// The allowances of all clients of this node.
pub struct ClientRates<C: Clock + Clone = MonotonicClock> {
    clock: C,
    apps: RwLock<HashMap<AppId, Arc<OfApp<C>>>>,
}

struct OfApp<C: Clock + Clone> {
    allowances: Allowances<C>,
    told: Arc<Told<C::Instant>>,
    crowded: Arc<Told<C::Instant>>,
}

impl Default for ClientRates {
    fn default() -> Self {
        Self::with_clock(MonotonicClock)
    }
}

impl<C: Clock + Clone> ClientRates<C> {
    /// Nobody has asked for anything yet.
    pub fn with_clock(clock: C) -> Self {
        Self { clock, apps: RwLock::default() }
    }

    /// Takes one operation from the allowance of a client. Without I/O.
    ///
    /// # Errors
    /// 4116 when nothing is left of it. What the client gets then is a setting (`client_rate_overflow`).
    pub fn take(
        &self,
        settings: &ImSettings,
        (app, client): (&AppId, &ClientId),
        operation: Operation,
    ) -> Result<(), RequestError> {
        let limit = operation.limit(settings);
        if limit == 0 {
            return Ok(());
        }
        let of_app = self.of_app(app, settings);
        let taken = of_app.allowances.take(client, operation, self.clock.now());
        if of_app.allowances.are_too_many() {
            self.begin_anew(app, &of_app, settings);
        }
        let Err(wait) = taken else { return Ok(()) };
        metrics::exceeded(operation);
        of_app.told.tell(self.clock.now(), |others| {
            tracing::warn!(
                %app, %client, operation = %operation, limit = operation.setting(), per_minute = limit,
                requests_over_limits_since_last_line = others,
                "a client exceeds a limit of its app; `hookd settings` shows and changes it"
            );
        });
        let seconds = wait.as_secs_f64().ceil();
        let detail = format!("`{}` is {limit}; the next one is free in {seconds} s", operation.setting());
        Err(RequestError::detailed(Code::MessageSentQuotaExceeded, detail))
    }

    /// Forgets clients whose allowances are whole again. To be called about once a minute.
    pub fn forget_idle(&self) {
        let apps: Vec<_> = self.read(|apps| apps.values().cloned().collect());
        apps.iter().for_each(|of_app| of_app.allowances.forget_idle());
        drop(apps);
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        // Another one that holds it is about to take something.
        apps.retain(|_, of_app| Arc::strong_count(of_app) > 1 || !of_app.allowances.are_whole());
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget_app(&self, app: &AppId) {
        self.apps.write().unwrap_or_else(PoisonError::into_inner).remove(app);
    }

    /// What an app's clients have used is forgotten with a change of its limits.
    fn of_app(&self, app: &AppId, settings: &ImSettings) -> Arc<OfApp<C>> {
        let known = self.read(|apps| apps.get(app).cloned());
        match known {
            Some(known) if known.allowances.are_of(settings) => known,
            known => self.replace(app, known, settings),
        }
    }

    /// More clients than are counted asked within a minute. That many may ask for as much as they like anyway, so it does not
    /// matter that all begin anew.
    fn begin_anew(&self, app: &AppId, of_app: &Arc<OfApp<C>>, settings: &ImSettings) {
        of_app.allowances.forget_idle();
        if of_app.allowances.are_many() {
            of_app.crowded.tell(self.clock.now(), |others| {
                tracing::warn!(
                    %app, times_since_last_line = others,
                    "too many clients for all of their rates to be counted: all of them get their whole allowances"
                );
            });
            self.replace(app, Some(of_app.clone()), settings);
        }
    }

    fn replace(&self, app: &AppId, known: Option<Arc<OfApp<C>>>, settings: &ImSettings) -> Arc<OfApp<C>> {
        let told = known.as_ref().map(|known| (known.told.clone(), known.crowded.clone()));
        let (told, crowded) = told.unwrap_or_default();
        let new = Arc::new(OfApp { allowances: Allowances::new(settings, &self.clock), told, crowded });
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = apps.get(app) {
            let is_another = known.is_none_or(|known| !Arc::ptr_eq(present, &known));
            if is_another && present.allowances.are_of(settings) {
                // Another request was first.
                return present.clone();
            }
        }
        apps.insert(app.clone(), new.clone());
        new
    }

    fn read<T>(&self, read: impl FnOnce(&HashMap<AppId, Arc<OfApp<C>>>) -> T) -> T {
        read(&self.apps.read().unwrap_or_else(PoisonError::into_inner))
    }
}
