//! `hookd invoke`

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, ServerArguments, check_name};
use crate::exit::InputError;
use crate::output;
use crate::params;

/// Call a hook or a function by hand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd invoke _messageReceived --params message.json
  echo '{\"fromPeer\":\"Tom\",\"content\":\"hi\"}' | hookd invoke _messageReceived --params - --staging

Prints what the function returned. Exit code 1 when it failed or refused its params.")]
pub struct Invoke {
    /// Name of the hook or function.
    name: String,
    /// File with the params as JSON, or `-` for standard input [default: {}].
    #[arg(long, value_name = "FILE|-")]
    params: Option<PathBuf>,
    /// Call staging's version instead of production's.
    #[arg(long)]
    staging: bool,
    /// Print status, outcome, duration and the whole body as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Invoke {
    /// Calls, and prints the result.
    pub async fn run(self) -> anyhow::Result<()> {
        check_name(&self.name)?;
        let params = params::read_or_empty(self.params.as_deref())?;
        let api = Api::new(self.server.target()?)?;
        let start = Instant::now();
        let answer = api.invoke(&self.name, params.into_bytes(), self.staging).await?;
        let milliseconds = start.elapsed().as_millis();
        if self.json {
            output::json(&json!({
                "status": answer.status,
                "outcome": answer.outcome,
                "milliseconds": milliseconds,
                "body": answer.body,
            }))?;
        } else if answer.status == 200 {
            output::data(&answer.body.get("result").unwrap_or(&Value::Null).to_string())?;
        }
        if answer.status == 200 {
            return Ok(());
        }
        let text = answer.body.get("error").and_then(Value::as_str).unwrap_or("no reason given");
        let outcome = answer.outcome.map(|outcome| format!(", outcome {outcome}")).unwrap_or_default();
        Err(InputError::new(format!("`{}` answered {}{outcome}: {text}", self.name, answer.status)).into())
    }
}
