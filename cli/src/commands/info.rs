//! `hookd info`

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, ServerArguments};
use crate::output;

/// Show which server and app commands in this folder mean, and why.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd info
  hookd info --json | jq -r .url")]
pub struct Info {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Info {
    /// Prints where commands go, whether or not the server answers.
    pub async fn run(self) -> anyhow::Result<()> {
        let found = self.server.find()?;
        let (url, app_id) = (found.target.url.clone(), found.target.app_id.clone());
        let api = Api::new(found.target)?;
        let answer = async { anyhow::Ok((api.server_version().await?, api.app().await?)) }.await;
        let live = |environment: &str| -> Option<u64> {
            answer.as_ref().ok()?.1.get(environment)?.get("version").and_then(Value::as_u64)
        };
        if self.json {
            output::json(&json!({
                "hookd": env!("CARGO_PKG_VERSION"),
                "url": url,
                "url_from": found.url_from,
                "app_id": app_id,
                "app_from": found.app_from,
                "server": answer.as_ref().ok().map(|(version, _)| version),
                "production": live("production"),
                "staging": live("staging"),
            }))?;
            return answer.map(|_| ());
        }
        let shown = |environment: &str| live(environment).map_or_else(|| "-".to_owned(), |version| version.to_string());
        output::data(&format!("server      {url}  (from {})", found.url_from));
        output::data(&format!("app         {app_id}  (from {})", found.app_from));
        output::data(&format!("hookd       {}", env!("CARGO_PKG_VERSION")));
        if let Ok((version, _)) = &answer {
            output::data(&format!("at server   {version}"));
            output::data(&format!("production  {}", shown("production")));
            output::data(&format!("staging     {}", shown("staging")));
        }
        answer.map(|_| ())
    }
}
