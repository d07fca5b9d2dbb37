//! The engine's part of an app's settings: limits and allowed hosts.
//!
//! A patch names `limits` (`{"memory_bytes": 67108864}`), `function_limits` (`{"hello": {"deadline_ms": 500}}`) and
//! `allowed_hosts` (`{"api.example.com": true}`). `null` takes a limit, all limits of a function, or a host back.
//! `max_limits` (`{"concurrency": 200}`) are the most that the app gets instead of the defaults; they need the admin
//! key.

use hookd_runtime::{AppSettings, FunctionKind, HostPattern, Overrides};
use serde_json::{Map, Value, json};

const LIMITS: &str = "limits";
const FUNCTION_LIMITS: &str = "function_limits";
/// An app may set so many functions' own limits, and so many hosts: all of them are gone through at each change.
const MOST_FUNCTIONS: usize = 256;
const MOST_HOSTS: usize = 256;
/// The longest name that a function can have.
const LONGEST_NAME: usize = 128;

const MAX_LIMITS: &str = "max_limits";
const ALLOWED_HOSTS: &str = "allowed_hosts";

/// The settings with `changes` applied; the operator (`is_admin`) also raises the most that the app's owner may set. The error
/// names the error.
pub(super) fn changed(
    mut settings: AppSettings,
    mut changes: Map<String, Value>,
    is_admin: bool,
) -> Result<AppSettings, String> {
    let before = (settings.limits.functions.len(), settings.allowed_hosts.len());
    let [most, limits, functions, hosts] =
        [MAX_LIMITS, LIMITS, FUNCTION_LIMITS, ALLOWED_HOSTS].map(|key| changes.remove(key));
    if let Some(key) = changes.keys().next() {
        return Err(format!(
            "the engine has no setting `{key}`; those of the IM core are changed where `hookd im` listens"
        ));
    }
    if let Some(most) = most {
        if !is_admin {
            return Err(format!("`{MAX_LIMITS}` are the operator's: show the admin key besides the master key"));
        }
        apply(&mut settings.limits.max, object(most, MAX_LIMITS)?)?;
    }
    if let Some(limits) = limits {
        let limits = object(limits, LIMITS)?;
        check_maximum(&settings, &limits)?;
        apply(&mut settings.limits.app, limits)?;
    }
    for (name, limits) in functions.map(|functions| object(functions, FUNCTION_LIMITS)).transpose()?.unwrap_or_default()
    {
        if name.len() > LONGEST_NAME {
            return Err(format!("a name in `{FUNCTION_LIMITS}` has {} bytes, more than {LONGEST_NAME}", name.len()));
        }
        if limits.is_null() {
            settings.limits.functions.remove(&name);
            continue;
        }
        let limits = object(limits, &format!("{FUNCTION_LIMITS}.{name}"))?;
        check_maximum(&settings, &limits)?;
        apply(settings.limits.functions.entry(name).or_default(), limits)?;
    }
    settings.limits.functions.retain(|_, own| !own.is_empty());
    settings.limits.validate().map_err(|refused| refused.to_string())?;
    for (host, allowed) in hosts.map(|hosts| object(hosts, ALLOWED_HOSTS)).transpose()?.unwrap_or_default() {
        let host: HostPattern = host.parse().map_err(|refused| format!("{refused}"))?;
        match allowed {
            Value::Bool(true) => drop(settings.allowed_hosts.insert(host)),
            Value::Null if settings.allowed_hosts.remove(&host) => {}
            Value::Null => return Err(not_allowed(&host, &settings)),
            _ => return Err(format!("`{ALLOWED_HOSTS}.{host}` must be `true`, or `null` to take it back")),
        }
    }
    let after = (settings.limits.functions.len(), settings.allowed_hosts.len());
    check_count(FUNCTION_LIMITS, before.0, after.0, MOST_FUNCTIONS)?;
    check_count(ALLOWED_HOSTS, before.1, after.1, MOST_HOSTS)?;
    Ok(settings)
}

/// What an earlier version let in may stay, and become less.
fn check_count(setting: &str, before: usize, after: usize, most: usize) -> Result<(), String> {
    if after <= most.max(before) {
        return Ok(());
    }
    Err(format!("`{setting}` would have {after} entries, more than {most}; take some back first"))
}

fn check_maximum(settings: &AppSettings, changes: &Map<String, Value>) -> Result<(), String> {
    changes.iter().try_for_each(|(name, value)| {
        let value = value.as_u64().unwrap_or_default();
        settings.limits.check_maximum(name, value).map_err(|refused| refused.to_string())
    })
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

fn not_allowed(host: &HostPattern, settings: &AppSettings) -> String {
    let allowed: Vec<String> = settings.allowed_hosts.iter().map(ToString::to_string).collect();
    let allowed = if allowed.is_empty() { "none is".to_owned() } else { format!("allowed are {}", allowed.join(", ")) };
    format!("host `{host}` was not allowed; {allowed}")
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
        (MAX_LIMITS.to_owned(), json!(settings.limits.max)),
        (ALLOWED_HOSTS.to_owned(), json!(settings.allowed_hosts)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(settings: AppSettings, patch: Value) -> Result<AppSettings, String> {
        let Value::Object(changes) = patch else { panic!("no object") };
        changed(settings, changes, true)
    }

    #[test]
    fn an_app_sets_so_many_functions_and_hosts_and_no_more() {
        let functions = |count: usize| -> Map<String, Value> {
            (0..count).map(|number| (format!("f{number}"), json!({"queue": 1}))).collect()
        };
        let full = patched(AppSettings::default(), json!({FUNCTION_LIMITS: functions(MOST_FUNCTIONS)})).unwrap();
        let refused = patched(full.clone(), json!({FUNCTION_LIMITS: {"one-more": {"queue": 1}}})).unwrap_err();
        assert!(refused.contains("257") && refused.contains("more than 256"), "{refused}");
        let other = patched(full, json!({FUNCTION_LIMITS: {"f0": null, "one-more": {"queue": 1}}}));
        assert!(other.is_ok(), "one for one");
        let long = patched(AppSettings::default(), json!({FUNCTION_LIMITS: {"f".repeat(129): {"queue": 1}}}));
        assert!(long.unwrap_err().contains("129 bytes"));
        let hosts: Map<String, Value> =
            (0..=MOST_HOSTS).map(|number| (format!("h{number}.org"), true.into())).collect();
        assert!(patched(AppSettings::default(), json!({ALLOWED_HOSTS: hosts})).unwrap_err().contains("more than 256"));
    }

    #[test]
    fn the_owner_raises_nothing_above_the_default_or_what_the_operator_says() {
        let by_owner = |settings: AppSettings, patch: Value| {
            let Value::Object(changes) = patch else { panic!("no object") };
            changed(settings, changes, false)
        };
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
    fn what_makes_no_sense_is_refused() {
        for (patch, word) in [
            (json!({"limits": {"memory": 1}}), "memory_bytes"),
            (json!({"limits": 1}), "object"),
            (json!({"limits": {"queue": "many"}}), "whole number"),
            (json!({"function_limits": {"f": {"concurrency": 0}}}), "`concurrency`"),
            (json!({"allowed_hosts": {"http://a.org": true}}), "URL"),
            (json!({"allowed_hosts": ["a.org"]}), "object"),
        ] {
            let refused = patched(AppSettings::default(), patch).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
