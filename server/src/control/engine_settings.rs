//! The engine's part of an app's settings: limits and allowed hosts.
//!
//! A patch names `limits` (`{"memory_bytes": 67108864}`), `function_limits` (`{"hello": {"deadline_ms": 500}}`) and
//! `allowed_hosts` (`{"api.example.com": true}`). `null` takes a limit, all limits of a function, or a host back.
//! `max_limits` (`{"concurrency": 200}`) are the most that the app gets instead of the defaults; they need the admin
//! key.

use api_types::control::{EngineSettings, EngineSettingsPatch, HookDeadlines, LimitChange, LimitChanges, LimitSource};
use hookd_runtime::{AppSettings, FunctionKind, HostPattern, Overrides};
use serde_json::{Map, Value};

/// An app may set so many functions' own limits, and so many hosts: all of them are gone through at each change.
const MOST_FUNCTIONS: usize = 256;
const MOST_HOSTS: usize = 256;
/// The longest name that a function can have.
const LONGEST_NAME: usize = 128;

/// A patch as it came.
///
/// # Errors
/// The fault of the patch, for people.
pub(super) fn patch(changes: Map<String, Value>) -> Result<EngineSettingsPatch, String> {
    let known = ["max_limits", "limits", "function_limits", "allowed_hosts"];
    if let Some(key) = changes.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!(
            "the engine has no setting `{key}`; those of the IM core are changed where `hookd im` listens"
        ));
    }
    serde_path_to_error::deserialize(Value::Object(changes))
        .map_err(|wrong| format!("invalid value of `{}`: {}", wrong.path(), wrong.inner()))
}

/// The settings with `patch` applied; the operator (`is_admin`) also raises the most that the app's owner may set.
///
/// # Errors
/// The fault of the patch, for people.
pub(super) fn changed(
    mut settings: AppSettings,
    patch: EngineSettingsPatch,
    is_admin: bool,
) -> Result<AppSettings, String> {
    let before = (settings.limits.functions.len(), settings.allowed_hosts.len());
    if !patch.max_limits.is_empty() && !is_admin {
        return Err("`max_limits` are the operator's: show the admin key besides the master key".to_owned());
    }
    apply(&mut settings.limits.max, patch.max_limits);
    check_maximum(&settings, &patch.limits)?;
    apply(&mut settings.limits.app, patch.limits);
    for (name, limits) in patch.function_limits {
        if name.len() > LONGEST_NAME {
            return Err(format!("a name in `function_limits` has {} bytes, more than {LONGEST_NAME}", name.len()));
        }
        let Some(limits) = limits else {
            settings.limits.functions.remove(&name);
            continue;
        };
        check_maximum(&settings, &limits)?;
        apply(settings.limits.functions.entry(name).or_default(), limits);
    }
    settings.limits.functions.retain(|_, own| !own.is_empty());
    settings.limits.validate().map_err(|refused| refused.to_string())?;
    for (host, allowed) in patch.allowed_hosts {
        let host: HostPattern = host.parse().map_err(|refused| format!("{refused}"))?;
        match allowed {
            Some(true) => drop(settings.allowed_hosts.insert(host)),
            Some(false) => return Err(format!("`allowed_hosts.{host}` must be `true`, or `null` to take it back")),
            None if settings.allowed_hosts.remove(&host) => {}
            None => return Err(not_allowed(&host, &settings)),
        }
    }
    let after = (settings.limits.functions.len(), settings.allowed_hosts.len());
    check_count("function_limits", before.0, after.0, MOST_FUNCTIONS)?;
    check_count("allowed_hosts", before.1, after.1, MOST_HOSTS)?;
    Ok(settings)
}

/// Entries that an earlier version let in may stay, and become fewer.
fn check_count(setting: &str, before: usize, after: usize, most: usize) -> Result<(), String> {
    if after <= most.max(before) {
        return Ok(());
    }
    Err(format!("`{setting}` would have {after} entries, more than {most}; take some back first"))
}

fn check_maximum(settings: &AppSettings, changes: &LimitChanges) -> Result<(), String> {
    changes.iter().try_for_each(|(name, change)| match change {
        LimitChange::Set(value) => settings.limits.check_maximum(name, *value).map_err(|refused| refused.to_string()),
        LimitChange::TakeBack => Ok(()),
    })
}

fn apply(overrides: &mut Overrides, changes: LimitChanges) {
    for (name, change) in changes {
        match change {
            LimitChange::Set(value) => overrides.insert(name, value),
            LimitChange::TakeBack => overrides.remove(&name),
        };
    }
}

fn not_allowed(host: &HostPattern, settings: &AppSettings) -> String {
    let allowed: Vec<String> = settings.allowed_hosts.iter().map(ToString::to_string).collect();
    let allowed = if allowed.is_empty() { "none is".to_owned() } else { format!("allowed are {}", allowed.join(", ")) };
    format!("host `{host}` was not allowed; {allowed}")
}

/// As answers show them: `limits` are those of functions without limits of their own.
pub(super) fn shown(settings: &AppSettings) -> Result<EngineSettings, serde_json::Error> {
    let of_kind = |kind| settings.limits.of_kind(kind).unwrap_or_default();
    let limits: Overrides = serde_json::from_value(serde_json::to_value(of_kind(FunctionKind::Function))?)?;
    let source =
        |name: &String| if settings.limits.app.contains_key(name) { LimitSource::App } else { LimitSource::Default };
    Ok(EngineSettings {
        limit_sources: limits.keys().map(|name| (name.clone(), source(name))).collect(),
        limits,
        hook_deadlines_ms: Some(HookDeadlines {
            blocking: of_kind(FunctionKind::BlockingHook).deadline_ms,
            notification: of_kind(FunctionKind::NotificationHook).deadline_ms,
        }),
        function_limits: settings.limits.functions.clone(),
        max_limits: settings.limits.max.clone(),
        allowed_hosts: settings.allowed_hosts.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched_by(settings: AppSettings, changes: Value, is_admin: bool) -> Result<AppSettings, String> {
        let Value::Object(changes) = changes else { panic!("no object") };
        changed(settings, patch(changes)?, is_admin)
    }

    fn patched(settings: AppSettings, changes: Value) -> Result<AppSettings, String> {
        patched_by(settings, changes, true)
    }

    fn shown(settings: &AppSettings) -> Value {
        serde_json::to_value(super::shown(settings).unwrap()).unwrap()
    }

    #[test]
    fn an_app_sets_so_many_functions_and_hosts_and_no_more() {
        let functions = |count: usize| -> Map<String, Value> {
            (0..count).map(|number| (format!("f{number}"), json!({"queue": 1}))).collect()
        };
        let full = patched(AppSettings::default(), json!({"function_limits": functions(MOST_FUNCTIONS)})).unwrap();
        let refused = patched(full.clone(), json!({"function_limits": {"one-more": {"queue": 1}}})).unwrap_err();
        assert!(refused.contains("257") && refused.contains("more than 256"), "{refused}");
        let other = patched(full, json!({"function_limits": {"f0": null, "one-more": {"queue": 1}}}));
        assert!(other.is_ok(), "one for one");
        let long = patched(AppSettings::default(), json!({"function_limits": {"f".repeat(129): {"queue": 1}}}));
        assert!(long.unwrap_err().contains("129 bytes"));
        let hosts: Map<String, Value> =
            (0..=MOST_HOSTS).map(|number| (format!("h{number}.org"), true.into())).collect();
        assert!(
            patched(AppSettings::default(), json!({"allowed_hosts": hosts})).unwrap_err().contains("more than 256")
        );
    }

    #[test]
    fn the_owner_raises_nothing_above_the_default_or_what_the_operator_says() {
        let by_owner = |settings: AppSettings, changes: Value| patched_by(settings, changes, false);
        let raised = json!({"limits": {"concurrency": 65}});
        let refused = by_owner(AppSettings::default(), raised.clone()).unwrap_err();
        assert!(refused.contains("at most 64") && refused.contains("--max-limit concurrency=65"), "{refused}");
        let for_one = json!({"function_limits": {"f": {"memory_bytes": 4_294_967_296_u64}}});
        assert!(by_owner(AppSettings::default(), for_one).is_err());
        let refused = by_owner(AppSettings::default(), json!({"max_limits": {"concurrency": 65}})).unwrap_err();
        assert!(refused.contains("admin key"), "{refused}");
        let allowed = patched(AppSettings::default(), json!({"max_limits": {"concurrency": 65}})).unwrap();
        let settings = by_owner(allowed, raised).unwrap();
        assert_eq!(shown(&settings)["limits"]["concurrency"], 65);
        let lowered = patched(settings, json!({"max_limits": {"concurrency": null}})).unwrap();
        assert_eq!(shown(&lowered)["limits"]["concurrency"], 64);
        assert!(by_owner(lowered, json!({"limits": {"queue": 3}})).is_ok(), "what does not change is not refused");
    }

    #[test]
    fn limits_are_set_narrowed_and_taken_back() {
        let settings = patched(
            AppSettings::default(),
            json!({"limits": {"queue": 3, "log_lines": 1}, "function_limits": {"hello": {"deadline_ms": 500}}}),
        )
        .unwrap();
        assert_eq!(settings.limits.of_function("hello").unwrap().deadline_ms, 500);
        let settings =
            patched(settings, json!({"limits": {"queue": null}, "function_limits": {"hello": null}})).unwrap();
        assert_eq!(settings.limits.app, [("log_lines".to_owned(), 1)].into());
        assert!(settings.limits.functions.is_empty());
    }

    #[test]
    fn hosts_are_allowed_and_denied() {
        let settings =
            patched(AppSettings::default(), json!({"allowed_hosts": {"a.org": true, "*.b.org:81": true}})).unwrap();
        assert_eq!(shown(&settings)["allowed_hosts"], json!(["*.b.org:81", "a.org"]));
        let settings = patched(settings, json!({"allowed_hosts": {"A.org": null}})).unwrap();
        let refused = patched(settings, json!({"allowed_hosts": {"c.org": null}})).unwrap_err();
        assert!(refused.contains("`c.org`") && refused.contains("*.b.org:81"), "{refused}");
    }

    #[test]
    fn values_without_sense_are_refused() {
        for (patch, word) in [
            (json!({"limits": {"memory": 1}}), "memory_bytes"),
            (json!({"limits": 1}), "expected a map"),
            (json!({"limits": {"queue": "many"}}), "whole number"),
            (json!({"function_limits": {"f": {"concurrency": 0}}}), "`concurrency`"),
            (json!({"allowed_hosts": {"http://a.org": true}}), "URL"),
            (json!({"limits": null}), "expected a map"),
            (json!({"limits": {"queue": -1}}), "`limits.queue`"),
            (json!({"allowed_hosts": ["a.org"]}), "expected a map"),
            (json!({"allowed_hosts": {"a.org": false}}), "must be `true`"),
        ] {
            let refused = patched(AppSettings::default(), patch).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
