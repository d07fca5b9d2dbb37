//! `hookd releases`

use clap::Args;
use serde_json::Value;

use crate::client::{Api, ServerArguments};
use crate::output;

/// List what was released: version, environment, when, size, module, isolation and functions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd releases
  hookd releases --limit 5 --json

Newest first. `*` marks what is live in its environment; `hookd rollback VERSION` brings a version back.")]
pub struct Releases {
    /// How many, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Print one line of JSON per release.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Releases {
    /// Asks, and prints the list.
    pub async fn run(self) -> anyhow::Result<()> {
        let releases = Api::new(self.server.target()?)?.releases(self.limit).await?;
        if self.json {
            return releases.iter().try_for_each(output::json);
        }
        if releases.is_empty() {
            output::note("nothing was released yet; `hookd deploy` releases a module");
            return Ok(());
        }
        output::data(&row("VERSION", "ENVIRONMENT", "ACT", "WHEN", "SIZE", "MODULE", "ISOLATION", "FUNCTIONS"));
        releases.iter().for_each(|release| output::data(&line(release)));
        Ok(())
    }
}

#[expect(clippy::too_many_arguments, reason = "one for each column")]
fn row(
    version: &str,
    environment: &str,
    act: &str,
    at: &str,
    size: &str,
    module: &str,
    isolation: &str,
    functions: &str,
) -> String {
    format!("{version:<8}  {environment:<11}  {act:<8}  {at:<20}  {size:>9}  {module:<12}  {isolation:<9}  {functions}")
}

fn line(release: &Value) -> String {
    let text = |key: &str| release.get(key).and_then(Value::as_str).unwrap_or("?");
    let number = |key: &str| release.get(key).and_then(Value::as_u64).unwrap_or_default();
    let is_live = release.get("live").and_then(Value::as_bool).unwrap_or_default();
    let version = format!("{}{}", number("version"), if is_live { " *" } else { "" });
    let functions: Vec<&str> =
        release.get("functions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    // To the second: fractions tell people nothing here.
    let at = text("at").split('.').next().unwrap_or_default().replace('T', " ") + "Z";
    let module: String = text("module").chars().take(12).collect();
    let size = format!("{} KiB", number("size_bytes").div_ceil(1024));
    row(&version, text("environment"), text("act"), &at, &size, &module, text("isolation"), &functions.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_shows_what_is_live_and_the_beginning_of_the_hash() {
        let shown = line(&json!({
            "version": 3, "environment": "production", "act": "deploy", "at": "2026-11-21T05:16:36.123Z",
            "size_bytes": 2_049, "module": "0123456789abcdef", "isolation": "warm", "functions": ["_messageReceived", "hello"],
            "live": true,
        }));
        assert_eq!(
            shown,
            "3 *       production   deploy    2026-11-21 05:16:36Z      3 KiB  0123456789ab  warm       _messageReceived, hello"
        );
    }
}
