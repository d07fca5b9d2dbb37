//! What a call did, for people or as JSON.

use serde_json::{Value, json};

use super::local_engine::Call;
use super::milliseconds;
use crate::difference::difference;
use crate::output;

/// Shows one call: the log on stderr, the answer on stdout, then what it used.
pub fn show(call: &Call, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(&as_value(call));
    }
    show_log(call);
    if call.failed().is_none() {
        output::data(&call.answer.get("result").unwrap_or(&Value::Null).to_string())?;
    }
    for line in used(call) {
        output::note(&line);
    }
    Ok(())
}

/// Shows a call of a fixture: a line, and what is other than expected.
pub fn show_fixture(name: &str, expected: &Value, call: &Call, as_json: bool) -> anyhow::Result<()> {
    let matches = *expected == call.answer;
    if as_json {
        let mut value = as_value(call);
        if let Value::Object(value) = &mut value {
            value.insert("fixture".to_owned(), json!(name));
            value.insert("matches".to_owned(), json!(matches));
            value.insert("expected".to_owned(), expected.clone());
        }
        return output::json(&value);
    }
    let mark = if matches { "ok  " } else { "DIFF" };
    output::data(&format!("{mark} {name} ({})", milliseconds(call.time)))?;
    if !matches {
        for line in difference(&pretty(expected), &pretty(&call.answer)) {
            output::data(&format!("     {line}"))?;
        }
        show_log(call);
    }
    Ok(())
}

fn show_log(call: &Call) {
    for line in &call.log {
        output::note(&format!("[{}] {}", line.level.name(), line.text.replace("\\n", "\n    ")));
    }
}

fn as_value(call: &Call) -> Value {
    let log: Vec<_> = call
        .log
        .iter()
        .map(|line| json!({ "level": line.level.name(), "source": line.source, "text": line.text }))
        .collect();
    let used: serde_json::Map<_, _> = budgets(call)
        .into_iter()
        .map(|(name, used, limit)| (name.to_owned(), json!({ "used": used, "limit": limit })))
        .collect();
    json!({
        "outcome": call.outcome.name(),
        "answer": call.answer,
        "milliseconds": call.time.as_secs_f64() * 1_000.0,
        "log": log,
        "used": used,
    })
}

fn used(call: &Call) -> Vec<String> {
    let time = format!("{:<15} {}", "time", milliseconds(call.time));
    let budgets = budgets(call).into_iter().map(|(name, used, limit)| format!("{name:<15} {used} of {limit}"));
    std::iter::once(time).chain(budgets).collect()
}

/// Name of the limit, what was used of it, and its value.
fn budgets(call: &Call) -> Vec<(&'static str, u64, u64)> {
    let (limits, usage) = (&call.limits, &call.usage);
    let cpu_time_ms = u64::try_from(usage.cpu_time.as_millis()).unwrap_or(u64::MAX);
    vec![
        ("cpu_time_ms", cpu_time_ms, limits.cpu_time_ms),
        ("memory_bytes", usage.memory_bytes, limits.memory_bytes),
        ("log_bytes", usage.log_bytes as u64, limits.log_bytes as u64),
        ("log_lines", usage.log_lines.into(), limits.log_lines.into()),
        ("cache_commands", usage.cache_commands.into(), limits.cache_commands.into()),
        ("cache_bytes", usage.cache_bytes as u64, limits.cache_bytes as u64),
        ("http_requests", usage.http_requests.into(), limits.http_requests.into()),
        ("http_bytes", usage.http_bytes, limits.http_bytes),
    ]
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
