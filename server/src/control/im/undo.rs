//! The patch that takes a patch of the engine's settings back.

use std::collections::BTreeSet;

use api_types::control::{EngineSettings, EngineSettingsPatch, LimitChange, LimitChanges, LimitSource};
use api_types::{HostPattern, Overrides};

/// The earlier values of what `changes` names: `before` is the engine's earlier answer.
pub(super) fn undo(changes: &EngineSettingsPatch, before: &EngineSettings) -> EngineSettingsPatch {
    let is_set = |name: &String| before.limit_sources.get(name) == Some(&LimitSource::App);
    let limits = changes.limits.keys().map(|name| {
        let was = before.limits.get(name).copied().filter(|_| is_set(name));
        (name.clone(), LimitChange::from(was))
    });
    let functions = changes.function_limits.iter().map(|(function, changed)| {
        (function.clone(), of_function(before.function_limits.get(function), changed.as_ref()))
    });
    EngineSettingsPatch {
        max_limits: changes.max_limits.keys().map(|name| value(&before.max_limits, name)).collect(),
        limits: limits.collect(),
        function_limits: functions.collect(),
        allowed_hosts: changes.allowed_hosts.keys().filter_map(|host| allowed(&before.allowed_hosts, host)).collect(),
    }
}

/// All limits that the function had, and `null` for new ones.
fn of_function(had: Option<&Overrides>, changed: Option<&LimitChanges>) -> Option<LimitChanges> {
    let had = had?;
    let named = changed.into_iter().flatten().map(|(name, _)| (name.clone(), LimitChange::TakeBack));
    let mut limits: LimitChanges = named.collect();
    limits.extend(had.iter().map(|(name, value)| (name.clone(), LimitChange::Set(*value))));
    Some(limits)
}

fn value(of: &Overrides, name: &str) -> (String, LimitChange) {
    (name.to_owned(), of.get(name).copied().into())
}

/// In the engine's own form; the engine has refused unreadable values.
fn allowed(before: &BTreeSet<HostPattern>, host: &str) -> Option<(String, Option<bool>)> {
    let host: HostPattern = host.parse().ok()?;
    Some((host.to_string(), before.contains(&host).then_some(true)))
}

#[cfg(test)]
mod tests {
    use hookd_runtime::AppSettings;
    use serde_json::{Value, json};

    use super::super::super::engine_settings::{changed, patch, shown};
    use super::*;

    fn read(changes: Value) -> EngineSettingsPatch {
        patch(changes.as_object().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_patch_and_its_undoing_leave_nothing_behind() {
        let patches = [
            json!({"limits": {"queue": 3, "log_lines": 1}, "function_limits": {"hello": {"deadline_ms": 500}}}),
            json!({"allowed_hosts": {"a.org": true, "*.b.org:81": true}}),
            json!({"limits": {"queue": null, "concurrency": 2}, "function_limits": {"hello": {"queue": 9}}}),
            json!({"max_limits": {"concurrency": 100, "queue": 9}, "limits": {"concurrency": 100}}),
            json!({"max_limits": {"concurrency": 80, "queue": null}}),
            json!({"function_limits": {"hello": {"deadline_ms": null}}}),
            json!({"function_limits": {"hello": null, "bye": {"queue": 1}}, "allowed_hosts": {"A.ORG": null, "c.org": true}}),
        ];
        let mut settings = AppSettings::default();
        for patch in patches.map(read) {
            let next = changed(settings.clone(), patch.clone(), true).unwrap();
            assert_ne!(next, settings);
            let back = undo(&patch, &shown(&settings).unwrap());
            assert_eq!(changed(next.clone(), back, true).unwrap(), settings, "{patch:?}");
            settings = next;
        }
    }
}
