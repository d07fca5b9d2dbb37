//! Flags of the processes that serve. `hookd im` has a group besides the common one, and so has `hookd up`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::client::{Connection, default_data_folder};
use crate::output;
use crate::server::{CommonConfig, ImConfig, Traces};

/// Flags of every process that serves.
#[derive(Debug, Args)]
pub struct CommonFlags {
    /// Folder for messages, modules and keys.
    #[arg(long, env = "HOOKD_DATA", default_value_os_t = default_data_folder())]
    data: PathBuf,
    /// Admin key of the installation [default: `admin.key` in the data folder, made at the first start].
    #[arg(long, env = "HOOKD_ADMIN_KEY", hide_env_values = true)]
    admin_key: Option<String>,
    /// Redis that holds what the engine keeps in LeanCache and the calls of notification hooks that wait in the IM core:
    /// `redis://host:port`, or `redis-cluster://host:port,host:port`. Without it LeanCache is in memory, and empty after a
    /// restart, and the calls wait in the data folder.
    #[arg(long, env = "HOOKD_REDIS_URL", value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Send traces to this OTLP receiver (HTTP), e.g. http://127.0.0.1:4318 [default: no traces].
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// When ready, print address and keys as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of the IM core.
#[derive(Debug, Args)]
#[command(next_help_heading = "IM core")]
pub struct ImFlags {
    /// URL under which clients reach this server when a proxy stands before it.
    #[arg(long, env = "HOOKD_PUBLIC_URL")]
    public_url: Option<String>,
    /// Believe `X-Forwarded-For` and `X-Forwarded-Proto`. Only right behind a proxy that sets both.
    #[arg(long, env = "HOOKD_TRUST_FORWARDED_HEADERS")]
    trust_forwarded_headers: bool,
}

impl CommonFlags {
    /// Sends the log to stderr.
    fn start_log(&self) {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    }

    /// Runs a process that serves, with its log and its traces, which are those of `service`.
    pub async fn run(
        &self,
        service: &'static str,
        serve: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        self.start_log();
        let traces = match self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
            Some(endpoint) => Some(Traces::start(endpoint, service)?),
            None => None,
        };
        let served = serve.await;
        if let Some(traces) = traces {
            traces.finish().await;
        }
        served
    }

    /// What the process is told.
    pub fn config(&self) -> CommonConfig {
        let (data, admin_key, redis_url) = (self.data.clone(), self.admin_key.clone(), self.redis_url.clone());
        CommonConfig { data, admin_key, redis_url }
    }

    /// Prints where the process is reached, and for people also the keys and what comes next.
    pub fn announce(&self, connection: &Connection, next: &str) -> anyhow::Result<()> {
        if self.json {
            return output::json(connection);
        }
        let engine = connection.engine.as_ref().map(|engine| format!("\n  engine      {engine}")).unwrap_or_default();
        output::data(&format!(
            "hookd listens on {url}\n{engine}\n  app id      {app_id}\n  app key     {app_key}\n  master key  \
             {master_key}\n  hook key    {hook_key}\n  data        {data}\n\n{next}\nStop:     Ctrl-C",
            url = connection.url,
            app_id = connection.app_id,
            app_key = connection.app_key,
            master_key = connection.master_key,
            hook_key = connection.hook_key,
            data = connection.data.display(),
        ));
        Ok(())
    }
}

impl ImFlags {
    /// What the IM core is told.
    pub fn config(&self) -> ImConfig {
        ImConfig { public_url: self.public_url.clone(), trust_forwarded_headers: self.trust_forwarded_headers }
    }
}

/// What a person does next where clients are served.
pub fn first_steps(connection: &Connection) -> String {
    format!(
        "Clients:  new Realtime({{ appId: '{}', appKey: '{}', server: '{}' }})\nHooks:    hookd new my-hooks && hookd \
         deploy my-hooks --prod",
        connection.app_id, connection.app_key, connection.url
    )
}
