//! The places of one app.

use std::collections::HashMap;
use std::sync::Arc;

use super::Admission;
use crate::limits::EffectiveLimits;
use api_types::{FunctionKind, LimitSettings, Limits, Overrides};

/// The places that the limits of an app allow.
#[derive(Debug)]
pub(crate) struct AppAdmission {
    /// For all calls of the app.
    pub(crate) of_app: Arc<Admission>,
    /// For functions with `concurrency` or `queue` of their own. Their calls also need a place of the app.
    of_functions: HashMap<String, Arc<Admission>>,
}

impl AppAdmission {
    pub(crate) fn new(settings: &LimitSettings, limits: &EffectiveLimits) -> Self {
        let admission = |limits: &Limits| Arc::new(Admission::new(limits.concurrency, limits.queue));
        let has_own = |own: &Overrides| own.contains_key("concurrency") || own.contains_key("queue");
        let with_own = settings.functions.iter().filter(|(_, own)| has_own(own));
        let function = |name: &String| (name.clone(), admission(limits.of(name, FunctionKind::of(name))));
        Self { of_app: admission(limits.of_app()), of_functions: with_own.map(|(name, _)| function(name)).collect() }
    }

    /// Takes the places over from earlier settings: calls that run under those count. To be put into force at once.
    pub(crate) fn continue_from(&mut self, before: &Self) {
        self.of_app = before.of_app.clone().resized_as(&self.of_app);
        for (name, now) in &mut self.of_functions {
            if let Some(earlier) = before.of_functions.get(name) {
                *now = earlier.clone().resized_as(now);
            }
        }
    }

    /// A function's own places, if it has any.
    pub(crate) fn of_function(&self, name: &str) -> Option<&Admission> {
        // Most apps leave the map empty: then no name is hashed.
        if self.of_functions.is_empty() { None } else { self.of_functions.get(name).map(Arc::as_ref) }
    }
}
