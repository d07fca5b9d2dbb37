//! The engine's part of an app's settings: limits and allowed hosts.
//!
//! A patch names `limits` (`{"memory_bytes": 67108864}`), `function_limits` (`{"hello": {"deadline_ms": 500}}`),
//! `allow_hosts` and `deny_hosts` (lists). `null` takes a limit, or all limits of a function, back.

use hookd_im_core::app::{ImSettings, MAX_HOOK_TIMEOUT};
use hookd_runtime::{AppSettings, FunctionKind, HostPattern, LimitSettings, Overrides};
use serde_json::{Map, Value, json};

const LIMITS: &str = "limits";
const FUNCTION_LIMITS: &str = "function_limits";
const ALLOW_HOSTS: &str = "allow_hosts";
const DENY_HOSTS: &str = "deny_hosts";

/// The settings with the engine's part of `changes` applied, which is taken out of them; `None` when there is none.
/// The error says what is wrong.
pub(super) fn changed(
    mut settings: AppSettings,
    changes: &mut Map<String, Value>,
) -> Result<Option<AppSettings>, String> {
    let keys = [LIMITS, FUNCTION_LIMITS, ALLOW_HOSTS, DENY_HOSTS];
    let [limits, functions, allow, deny] = keys.map(|key| changes.remove(key));
    if [&limits, &functions, &allow, &deny].into_iter().all(Option::is_none) {
        return Ok(None);
    }
    if let Some(limits) = limits {
        apply(&mut settings.limits.app, object(limits, LIMITS)?)?;
    }
    for (name, limits) in functions.map(|functions| object(functions, FUNCTION_LIMITS)).transpose()?.unwrap_or_default()
    {
        if limits.is_null() {
            settings.limits.functions.remove(&name);
            continue;
        }
        let own = settings.limits.functions.entry(name.clone()).or_default();
        apply(own, object(limits, &format!("{FUNCTION_LIMITS}.{name}"))?)?;
    }
    settings.limits.functions.retain(|_, own| !own.is_empty());
    settings.limits.validate().map_err(|refused| refused.to_string())?;
    settings.allowed_hosts.extend(hosts(allow, ALLOW_HOSTS)?);
    for host in hosts(deny, DENY_HOSTS)? {
        if !settings.allowed_hosts.remove(&host) {
            return Err(not_allowed(&host, &settings));
        }
    }
    Ok(Some(settings))
}

fn apply(overrides: &mut Overrides, changes: Map<String, Value>) -> Result<(), String> {
    for (name, value) in changes {
        match value {
            Value::Null => drop(overrides.remove(&name)),
            value => {
                let number = value.as_u64().ok_or_else(|| format!("limit `{name}` must be a whole number"))?;
                overrides.insert(name, number);
            }
        }
    }
    Ok(())
}

fn object(value: Value, key: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(entries) => Ok(entries),
        _ => Err(format!("`{key}` must be an object")),
    }
}

fn hosts(list: Option<Value>, key: &str) -> Result<Vec<HostPattern>, String> {
    let texts: Vec<String> = list
        .map(serde_json::from_value)
        .transpose()
        .map_err(|_| format!("`{key}` must be a list of hosts"))?
        .unwrap_or_default();
    texts.iter().map(|text| text.parse().map_err(|refused| format!("{refused}"))).collect()
}

fn not_allowed(host: &HostPattern, settings: &AppSettings) -> String {
    let allowed: Vec<String> = settings.allowed_hosts.iter().map(ToString::to_string).collect();
    let allowed = if allowed.is_empty() { "none is".to_owned() } else { format!("allowed are {}", allowed.join(", ")) };
    format!("host `{host}` was not allowed; {allowed}")
}

/// Refuses timeouts of the IM core that would never be met, because the engine stops the hook sooner.
pub(super) fn check_timeouts(im: &ImSettings, limits: &LimitSettings) -> Result<(), String> {
    // The hooks are elsewhere.
    if im.engine_url.is_some() {
        return Ok(());
    }
    let kinds = [
        ("blocking_hook_timeout_ms", im.blocking_hook_timeout_ms, FunctionKind::BlockingHook),
        ("notification_hook_timeout_ms", im.notification_hook_timeout_ms, FunctionKind::NotificationHook),
    ];
    for (key, timeout_ms, kind) in kinds {
        let deadline_ms = limits.of_kind(kind).map_err(|refused| refused.to_string())?.deadline_ms;
        if is_never_met(timeout_ms, deadline_ms) {
            return Err(never_met(key, timeout_ms, deadline_ms, &format!("--limit deadline_ms={timeout_ms}")));
        }
    }
    for (hook, timeout_ms) in &im.hook_timeouts_ms {
        let deadline_ms = limits.of_function(hook).map_err(|refused| refused.to_string())?.deadline_ms;
        if is_never_met(*timeout_ms, deadline_ms) {
            let fix = format!("--function-limit {hook}:deadline_ms={timeout_ms}");
            return Err(never_met(hook, *timeout_ms, deadline_ms, &fix));
        }
    }
    Ok(())
}

/// What is longer than any timeout may be, the IM core refuses with its own words.
fn is_never_met(timeout_ms: u64, deadline_ms: u64) -> bool {
    timeout_ms > deadline_ms && u128::from(timeout_ms) <= MAX_HOOK_TIMEOUT.as_millis()
}

fn never_met(key: &str, timeout_ms: u64, deadline_ms: u64, fix: &str) -> String {
    format!(
        "`{key}` is {timeout_ms} ms, but the engine stops such a hook after {deadline_ms} ms (limit `deadline_ms`); raise \
         that too, with `{fix}`"
    )
}

/// The keys that show the settings: `limits` are those of functions without limits of their own.
pub(super) fn shown(settings: &AppSettings) -> Map<String, Value> {
    let limits = |kind| settings.limits.of_kind(kind).unwrap_or_default();
    let numbers: Map<String, Value> = match json!(limits(FunctionKind::Function)) {
        Value::Object(numbers) => numbers,
        _ => Map::new(),
    };
    let source = |name: &String| if settings.limits.app.contains_key(name) { "app" } else { "default" };
    let sources: Map<String, Value> = numbers.keys().map(|name| (name.clone(), source(name).into())).collect();
    let deadline_ms = |kind| limits(kind).deadline_ms;
    let hook_deadlines = json!({
        "blocking": deadline_ms(FunctionKind::BlockingHook),
        "notification": deadline_ms(FunctionKind::NotificationHook),
    });
    Map::from_iter([
        (LIMITS.to_owned(), Value::Object(numbers)),
        ("limit_sources".to_owned(), Value::Object(sources)),
        ("hook_deadlines_ms".to_owned(), hook_deadlines),
        (FUNCTION_LIMITS.to_owned(), json!(settings.limits.functions)),
        ("allowed_hosts".to_owned(), json!(settings.allowed_hosts)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(settings: AppSettings, patch: Value) -> Result<AppSettings, String> {
        let Value::Object(mut changes) = patch else { panic!("no object") };
        Ok(changed(settings, &mut changes)?.unwrap())
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
        let settings = patched(AppSettings::default(), json!({"allow_hosts": ["a.org", "*.b.org:81"]})).unwrap();
        assert_eq!(shown(&settings)["allowed_hosts"], json!(["*.b.org:81", "a.org"]));
        let settings = patched(settings, json!({"deny_hosts": ["A.org"]})).unwrap();
        let refused = patched(settings, json!({"deny_hosts": ["c.org"]})).unwrap_err();
        assert!(refused.contains("`c.org`") && refused.contains("*.b.org:81"), "{refused}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (patch, word) in [
            (json!({"limits": {"memory": 1}}), "memory_bytes"),
            (json!({"limits": 1}), "object"),
            (json!({"limits": {"queue": "many"}}), "whole number"),
            (json!({"function_limits": {"f": {"concurrency": 0}}}), "`concurrency`"),
            (json!({"allow_hosts": ["http://a.org"]}), "URL"),
            (json!({"allow_hosts": "a.org"}), "list"),
        ] {
            let refused = patched(AppSettings::default(), patch).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn a_timeout_that_the_engine_would_never_meet_is_refused_with_the_fix() {
        let im = ImSettings { notification_hook_timeout_ms: 8_000, ..ImSettings::default() };
        let refused = check_timeouts(&im, &LimitSettings::default()).unwrap_err();
        assert!(refused.contains("--limit deadline_ms=8000"), "{refused}");
        let raised = LimitSettings { app: [("deadline_ms".to_owned(), 10_000)].into(), ..LimitSettings::default() };
        assert_eq!(check_timeouts(&im, &raised), Ok(()));
    }
}
