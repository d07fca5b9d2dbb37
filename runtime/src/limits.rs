//! The limits that the functions of an app get: worked out when settings change, never per call.

use std::collections::HashMap;

use api_types::{FunctionKind, InvalidLimits, LimitSettings, Limits};

/// The limits of an app's functions.
#[derive(Debug)]
pub(crate) struct EffectiveLimits {
    blocking_hooks: Limits,
    notification_hooks: Limits,
    other_functions: Limits,
    /// Functions with limits of their own.
    functions: HashMap<String, Limits>,
}

impl EffectiveLimits {
    pub(crate) fn new(settings: &LimitSettings) -> Result<Self, InvalidLimits> {
        let function = |name: &String| Ok((name.clone(), settings.of_function(name)?));
        Ok(Self {
            blocking_hooks: settings.of_kind(FunctionKind::BlockingHook)?,
            notification_hooks: settings.of_kind(FunctionKind::NotificationHook)?,
            other_functions: settings.of_kind(FunctionKind::Function)?,
            functions: settings.functions.keys().map(function).collect::<Result<_, InvalidLimits>>()?,
        })
    }

    /// Of functions that are not hooks and have no limits of their own.
    pub(crate) fn of_app(&self) -> &Limits {
        &self.other_functions
    }

    /// Of one function.
    pub(crate) fn of(&self, name: &str, kind: FunctionKind) -> &Limits {
        // Most apps leave the map empty: then no name is hashed.
        if !self.functions.is_empty()
            && let Some(own) = self.functions.get(name)
        {
            return own;
        }
        match kind {
            FunctionKind::BlockingHook => &self.blocking_hooks,
            FunctionKind::NotificationHook => &self.notification_hooks,
            FunctionKind::Function => &self.other_functions,
        }
    }
}
