//! How two answers differ, for people or as JSON.

use serde_json::{Value, json};

use super::sides::Seen;
use crate::difference::difference;
use crate::output;

/// Shows one call: a line, and below it what differs, LeanEngine's with `-` and hookd's with `+`.
pub fn show(name: &str, theirs: &Seen, ours: &Seen, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let differs: Vec<_> = differing(theirs, ours).into_iter().map(|(what, ..)| what).collect();
        return output::json(&json!({
            "call": name,
            "differs": differs,
            "leanengine": as_value(theirs),
            "hookd": as_value(ours),
        }));
    }
    let differing = differing(theirs, ours);
    output::data(&format!("{} {name}", if differing.is_empty() { "same" } else { "DIFF" }))?;
    for (what, theirs, ours) in differing {
        output::data(&format!("     {what}: - LeanEngine, + hookd"))?;
        for line in difference(&theirs, &ours) {
            output::data(&format!("     {line}"))?;
        }
    }
    Ok(())
}

/// What differs, with both texts.
fn differing(theirs: &Seen, ours: &Seen) -> Vec<(&'static str, String, String)> {
    let log = |seen: &Seen| seen.log.clone().unwrap_or_default().join("\n");
    let all = [
        ("status", theirs.status.to_string(), ours.status.to_string()),
        ("body", pretty(&theirs.body), pretty(&ours.body)),
        ("log", log(theirs), log(ours)),
    ];
    all.into_iter().filter(|(_, theirs, ours)| theirs != ours).collect()
}

fn as_value(seen: &Seen) -> Value {
    json!({ "status": seen.status, "body": seen.body, "log": seen.log })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
