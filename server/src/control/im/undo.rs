//! The patch that takes a patch of the engine's settings back.

use api_types::HostPattern;
use serde_json::{Map, Value};

/// The earlier values of the keys in `changes`: `before` is the engine's earlier answer.
pub(super) fn undo(changes: &Map<String, Value>, before: &Value) -> Map<String, Value> {
    changes.iter().map(|(key, changed)| (key.clone(), undone(key, changed, before))).collect()
}

fn undone(key: &str, changed: &Value, before: &Value) -> Value {
    let was = before.get(key);
    let names = changed.as_object().into_iter().flatten().map(|(name, _)| name);
    Value::Object(match key {
        "limits" => {
            let set = |name: &String| before.pointer(&format!("/limit_sources/{name}")).is_some_and(|of| of == "app");
            names.map(|name| (name.clone(), if set(name) { value(was, name) } else { Value::Null })).collect()
        }
        "max_limits" => names.map(|name| (name.clone(), value(was, name))).collect(),
        "function_limits" => names.map(|function| (function.clone(), of_function(was, function, changed))).collect(),
        "allowed_hosts" => {
            let was: Vec<&str> =
                was.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            // In the engine's own form; the engine has refused unreadable values.
            let hosts = names.filter_map(|host| Some(host.parse::<HostPattern>().ok()?.to_string()));
            let undone = |host: String| {
                let allowed = if was.contains(&host.as_str()) { true.into() } else { Value::Null };
                (host, allowed)
            };
            hosts.map(undone).collect()
        }
        _ => Map::new(),
    })
}

/// All limits that the function had, and `null` for new ones.
fn of_function(was: Option<&Value>, function: &str, changed: &Value) -> Value {
    let Some(Value::Object(had)) = was.and_then(|was| was.get(function)) else { return Value::Null };
    let named = changed.get(function).and_then(Value::as_object).into_iter().flatten();
    let mut limits: Map<String, Value> = named.map(|(name, _)| (name.clone(), Value::Null)).collect();
    limits.extend(had.clone());
    Value::Object(limits)
}

fn value(of: Option<&Value>, name: &str) -> Value {
    of.and_then(|of| of.get(name)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hookd_runtime::AppSettings;
    use serde_json::json;

    use super::super::super::engine_settings::{changed, shown};
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
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
        for patch in patches.map(object) {
            let next = changed(settings.clone(), patch.clone(), true).unwrap();
            assert_ne!(next, settings);
            let back = undo(&patch, &Value::Object(shown(&settings)));
            assert_eq!(changed(next.clone(), back, true).unwrap(), settings, "{patch:?}");
            settings = next;
        }
    }
}
