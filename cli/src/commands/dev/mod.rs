//! `hookd dev`

mod scope;
mod stop;
mod watch;

use std::net::IpAddr;
#[cfg(feature = "server")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "server")]
use api_types::Connection;
use api_types::control::{DeployQuery, LogsQuery};
use api_types::{Environment, Isolation};
use clap::Args;
use futures::StreamExt as _;
use hookd_guest_build::{BuiltModule, Sources, builder_of};
use reqwest::Url;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::stop::stop_on_signal;
use self::watch::Changes;
#[cfg(feature = "server")]
use super::server::Up;
use super::{build, deploy, logs};
use crate::client::{Api, ReleaseNote, ServerArguments};
use crate::exit::InputError;
use crate::output;
#[cfg(feature = "server")]
use hookd_server::log;

/// Interval between attempts to reach an absent server.
const SERVER_RETRY: Duration = Duration::from_secs(1);

/// Releases and log lines are shown anyway. The server's own log is limited to problems.
#[cfg(feature = "server")]
const SERVER_LOG: &str = "warn,hookd::hook_log=off";

/// Work on a hook project: build and release it at every change, and show what its hooks write.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd dev my-hooks
  hookd dev my-hooks --url https://im.example.org --staging

Takes the server that runs in the data folder, or else starts one there, as `hookd up` does. A change becomes live in
production of that server, where IM hooks run; a project that does not compile leaves the last version live. What hooks
write comes to stdout, all else to stderr. Ctrl-C stops all of it.")]
pub struct Dev {
    /// Folder of the hook project.
    #[arg(default_value = ".")]
    project: PathBuf,
    #[cfg(feature = "server")]
    /// Where to listen when no server runs yet [default: as `hookd up`].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Release to staging. Hooks of messages are called in production only.
    #[arg(long)]
    staging: bool,
    /// What separates calls: a fresh sandbox `per-call`, or a `warm` one that serves many [default: goes by the language].
    #[arg(long, value_name = "ISOLATION")]
    isolation: Option<Isolation>,
    #[command(flatten)]
    by: ReleaseNote,
    #[command(flatten)]
    server: ServerArguments,
}

/// The server in use.
struct Place {
    api: Api,
    /// The server that this command started, until it has stopped; for another server only the signal to stop.
    server: JoinHandle<anyhow::Result<()>>,
}

impl Dev {
    /// Builds, releases and watches until it is stopped.
    pub async fn run(mut self) -> anyhow::Result<()> {
        builder_of(&self.project).map_err(InputError::from)?;
        // `.` would still mean the old folder after the folder was deleted and created again.
        self.project = self.project.canonicalize()?;
        let shutdown = CancellationToken::new();
        stop_on_signal(shutdown.clone())?;
        let place = self.place(&shutdown).await?;
        let mut changes = Changes::new(&self.server.data_folder())?;
        let mut server = place.server;
        let worked = tokio::select! {
            () = self.release_changes(&place.api, &mut changes) => Ok(()),
            lost = show_logs(&place.api) => lost,
            () = output::reader_gone() => Ok(()),
            () = shutdown.cancelled() => Ok(()),
            // A server of this command that ends by itself ends the command, with its error.
            ended = &mut server => return ended?,
        };
        // Ours stops with us: after the requests in flight, as `hookd up` does.
        shutdown.cancel();
        server.await??;
        worked
    }

    async fn place(&self, shutdown: &CancellationToken) -> anyhow::Result<Place> {
        if let Some(api) = self.running_server().await? {
            let shutdown = shutdown.clone();
            let server = tokio::spawn(async move {
                shutdown.cancelled().await;
                Ok(())
            });
            return Ok(Place { api, server });
        }
        self.start_server(shutdown).await
    }

    #[cfg(not(feature = "server"))]
    async fn start_server(&self, _: &CancellationToken) -> anyhow::Result<Place> {
        Err(super::no_server("`hookd dev`, where no server runs yet,").into())
    }

    #[cfg(feature = "server")]
    async fn start_server(&self, shutdown: &CancellationToken) -> anyhow::Result<Place> {
        log::start(SERVER_LOG).map_err(InputError::of_server)?;
        let server = Up::as_configured(self.listen, &self.server.data_folder())?.start(shutdown.clone()).await?;
        let connection = server.connection().clone();
        announce(&connection);
        let server = tokio::spawn(async move { server.serve().await.map_err(InputError::of_server) });
        Ok(Place { api: Api::new(self.server.on(&connection.url).target()?)?, server })
    }

    /// The server that flags, environment, link or data folder name, if it answers.
    async fn running_server(&self) -> anyhow::Result<Option<Api>> {
        let named = self.server.is_url_given();
        let target = match self.server.target() {
            Ok(target) => target,
            Err(error) if named => return Err(error),
            Err(_) => return Ok(None),
        };
        let url = target.url.clone();
        let api = Api::new(target)?;
        match api.server_version().await {
            Err(error) if named => Err(error),
            Err(_) => Ok(None),
            Ok(_) if !self.staging && !is_this_machine(&url) => {
                let problem =
                    format!("`{url}` is another machine, and a release at every change would serve its users");
                Err(InputError::new(problem).hint("release to staging with --staging, or leave --url out").into())
            }
            Ok(version) => {
                output::note(&format!("using the server at `{url}`, version {version}"));
                Ok(Some(api))
            }
        }
    }

    /// Builds and releases now and after every change.
    async fn release_changes(&self, api: &Api, changes: &mut Changes) {
        let environment = if self.staging { Environment::Staging } else { Environment::Production };
        let mut sources = Sources { packages: vec![self.project.clone()], ..Sources::default() };
        let mut live = Vec::new();
        loop {
            if let Err(error) = self.begin(changes, &mut sources).await {
                output::report_error(&error);
            }
            let built = build::build_project(&self.project).await;
            changes.note_lock_file();
            let released = match built {
                Ok(built) => self.release(api, environment, &mut live, built).await,
                Err(error) => Err(Failed::Build(error)),
            };
            match &released {
                Ok(Some(summary)) => output::note(summary),
                Ok(None) => {}
                Err(Failed::Build(error) | Failed::Upload(error)) => {
                    output::report_error(error);
                    output::note("the version that was live still is");
                }
            }
            output::note(&format!("watching `{}`; Ctrl-C stops", self.project.display()));
            tokio::select! {
                () = changes.next() => {}
                () = server_returns(api), if matches!(released, Err(Failed::Upload(_))) => {}
            }
        }
    }

    /// Watches the present sources of the project.
    async fn begin(&self, changes: &mut Changes, sources: &mut Sources) -> anyhow::Result<()> {
        // Before cargo is asked: what changes meanwhile is a change.
        changes.begin(sources)?;
        // When cargo cannot read the project, the earlier sources are watched; the build shows the error.
        if let Ok(builder) = builder_of(&self.project)
            && let Ok(found) = builder.sources(&self.project).await
            && found != *sources
        {
            *sources = found;
            changes.extend(sources)?;
        }
        Ok(())
    }

    /// A line about the release; nothing when the module is the one that is `live`.
    async fn release(
        &self,
        api: &Api,
        environment: Environment,
        live: &mut Vec<u8>,
        built: BuiltModule,
    ) -> Result<Option<String>, Failed> {
        if built.bytes == *live {
            return Ok(None);
        }
        let query = DeployQuery { environment, isolation: self.isolation.unwrap_or(built.isolation) };
        let uploaded = deploy::upload(api, query, &self.by, built.bytes.clone()).await;
        let release = uploaded.and_then(|release| release.read()).map_err(Failed::Upload)?;
        *live = built.bytes;
        Ok(Some(deploy::summary(&release)))
    }
}

/// Why a change did not become live.
enum Failed {
    Build(anyhow::Error),
    Upload(anyhow::Error),
}

/// Ends when a server that does not answer now answers again; never while it does.
async fn server_returns(api: &Api) {
    if api.server_version().await.is_ok() {
        return std::future::pending().await;
    }
    while api.server_version().await.is_err() {
        tokio::time::sleep(SERVER_RETRY).await;
    }
}

#[cfg(feature = "server")]
fn announce(connection: &Connection) {
    output::note(&format!(
        "hookd listens on {}\n  app id      {}\n  app key     {}\n  data        {}",
        connection.url,
        connection.app_id,
        connection.app_key,
        connection.data.display()
    ));
}

/// Shows what hooks write from now on, until the output is lost.
async fn show_logs(api: &Api) -> anyhow::Result<()> {
    let query = LogsQuery { follow: true, limit: Some(0), ..LogsQuery::default() };
    loop {
        if let Ok(mut events) = api.logs(&query).await {
            while let Some(Ok(event)) = events.next().await {
                logs::show(&event.read()?)?;
            }
        }
        // The server restarts, or is on its way out with us.
        tokio::time::sleep(SERVER_RETRY).await;
    }
}

fn is_this_machine(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for url in ["http://127.0.0.1:7410", "http://localhost:7410", "http://[::1]:7410"] {
            assert!(is_this_machine(url), "{url}");
        }
        for url in ["https://im.example.org", "http://192.0.2.1:7410", "nonsense", "http://127.0.0.1.example.org"] {
            assert!(!is_this_machine(url), "{url}");
        }
    }
}
