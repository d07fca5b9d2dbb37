//! The limits of an app as its calls meet them: worked out when settings change, never per call.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::admission::Admission;
use crate::app_settings::AppSettings;
use crate::egress::{AppClient, Egress, Lane};
use api_types::FunctionKind;
use api_types::{InvalidLimits, LimitSettings, Limits, Overrides};

/// The limits of an app, with the places they allow, and its way out.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) settings: AppSettings,
    /// Places for all calls of the app.
    pub(crate) admission: Arc<Admission>,
    blocking_hooks: Limits,
    notification_hooks: Limits,
    other_functions: Limits,
    /// Functions with limits of their own.
    functions: HashMap<String, FunctionBounds>,
    /// By lane, each made when a function sends its first request in it. They go with the settings, so that no connection
    /// outlives a permission.
    clients: [OnceLock<AppClient>; Lane::COUNT],
}

#[derive(Debug)]
struct FunctionBounds {
    limits: Limits,
    /// Where the function has `concurrency` or `queue` of its own. Its calls also need a place of the app.
    admission: Option<Arc<Admission>>,
}

impl Bounds {
    pub(crate) fn new(settings: AppSettings) -> Result<Self, InvalidLimits> {
        let limits: &LimitSettings = &settings.limits;
        let other_functions = limits.of_kind(FunctionKind::Function)?;
        let function = |(name, own): (&String, &Overrides)| {
            let own = own.contains_key("concurrency") || own.contains_key("queue");
            let limits = limits.of_function(name)?;
            let admission = own.then(|| Arc::new(Admission::new(limits.concurrency, limits.queue)));
            Ok((name.clone(), FunctionBounds { limits, admission }))
        };
        Ok(Self {
            functions: limits.functions.iter().map(function).collect::<Result<_, InvalidLimits>>()?,
            admission: Arc::new(Admission::new(other_functions.concurrency, other_functions.queue)),
            blocking_hooks: limits.of_kind(FunctionKind::BlockingHook)?,
            notification_hooks: limits.of_kind(FunctionKind::NotificationHook)?,
            other_functions,
            clients: Default::default(),
            settings,
        })
    }

    /// Takes the places over from earlier settings: calls that run under those count. To be put into force at once.
    pub(crate) fn continue_from(&mut self, before: &Self) {
        let go_on = |now: &mut Arc<Admission>, before: &Arc<Admission>, limits: &Limits| {
            before.resize(limits.concurrency, limits.queue);
            *now = before.clone();
        };
        go_on(&mut self.admission, &before.admission, &self.other_functions);
        for (name, function) in &mut self.functions {
            let earlier = before.functions.get(name).and_then(|earlier| earlier.admission.as_ref());
            if let (Some(now), Some(earlier)) = (&mut function.admission, earlier) {
                go_on(now, earlier, &function.limits);
            }
        }
    }

    /// Of functions that are not hooks and have no limits of their own.
    pub(crate) fn limits(&self) -> &Limits {
        &self.other_functions
    }

    /// What sends the app's HTTP requests.
    pub(crate) fn client(&self, egress: &Egress, lane: Lane) -> &AppClient {
        lane.pick(&self.clients).get_or_init(|| egress.client())
    }

    /// Of one function, and its own places if it has any.
    pub(crate) fn of(&self, name: &str, kind: FunctionKind) -> (&Limits, Option<&Admission>) {
        // Most apps leave the map empty: then no name is hashed.
        if !self.functions.is_empty()
            && let Some(own) = self.functions.get(name)
        {
            return (&own.limits, own.admission.as_deref());
        }
        let limits = match kind {
            FunctionKind::BlockingHook => &self.blocking_hooks,
            FunctionKind::NotificationHook => &self.notification_hooks,
            FunctionKind::Function => &self.other_functions,
        };
        (limits, None)
    }
}

/// Of an app that set nothing.
impl Default for Bounds {
    #[expect(clippy::expect_used, reason = "a test of the limits says that the defaults are valid")]
    fn default() -> Self {
        Self::new(AppSettings::default()).expect("the defaults are valid")
    }
}
