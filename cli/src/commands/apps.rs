//! `hookd apps`

use std::path::Path;

use api_types::Profile;
use api_types::control::{AppKeys, AppSummary, LiveVersion};
use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;

use crate::client::{AdminArguments, Answer, GivenKeys};
use crate::exit::InputError;
use crate::input_file;
use crate::output;
use crate::secrets::SecretParser;

/// Create, list and delete the apps of an installation, and change their keys.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd apps create shop
  hookd apps list
  hookd apps rotate-key shop --key master

Needs the installation's admin key, which `hookd up` leaves in `connection.json` in its data folder.
Client commands mean another app with --app and --master-key.")]
pub struct Apps {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an app with keys of its own, and print them.
    #[command(after_help = "Examples:
  hookd apps create shop
  hookd apps create try-out --profile open
  echo '{\"app_key\":\"…\",\"master_key\":\"…\"}' | hookd apps create Xy1…-gzGzoHsz --keys -

An app that moves here from LeanCloud keeps its id and its keys: the clients in its users' hands know them.

The profile is only what the app's settings begin with; `hookd settings` shows and changes them.")]
    Create {
        /// 1 to 64 letters, digits, `-` or `_`.
        id: String,
        /// File with keys that the app has already, or `-` for standard input: a JSON object with any of `app_key`,
        /// `master_key` and `hook_key`. The others are generated.
        #[arg(long, value_name = "FILE")]
        keys: Option<String>,
        /// What the app's settings begin with.
        #[arg(long, value_enum, default_value_t)]
        profile: InitialSettings,
        #[command(flatten)]
        common: Common,
    },
    /// List the apps with their live versions.
    #[command(after_help = "Example:\n  hookd apps list --json")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Give an app a new key in place of one; the old key does not work from then on.
    #[command(after_help = "Example:\n  hookd apps rotate-key shop --key master")]
    RotateKey {
        /// The app.
        id: String,
        /// Which of its keys.
        #[arg(long, value_enum)]
        key: Key,
        /// The app's present master key, when the admin key is not known.
        #[arg(long, value_parser = SecretParser::KEY)]
        master_key: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Delete an app: its versions, releases, limits and keys.
    #[command(after_help = "Examples:
  hookd apps delete shop
  hookd apps delete shop --lost

Its clients are disconnected. The id is not given again. Messages stay in the store, and no client can read them.

When the engine's data folder was lost, or an old backup took its place, the IM core keeps what it has of an app that the
engine does not have any more. --lost deletes its waiting calls and dead letters; its messages stay in the store.")]
    Delete {
        /// The app.
        id: String,
        /// Delete what the IM core keeps of an app that the engine has lost for good.
        #[arg(long)]
        lost: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Print JSON, one line per app.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum InitialSettings {
    /// As LeanCloud's apps begin: each client may send 60 messages, make 120 queries of the history and 30 operations of
    /// each other type a minute, and gets no answer beyond that; edits, recalls and other extras are off.
    #[default]
    Leancloud,
    /// Every feature on, no limit on clients: for development and tests.
    Open,
}

impl From<InitialSettings> for Profile {
    fn from(settings: InitialSettings) -> Self {
        match settings {
            InitialSettings::Leancloud => Self::Leancloud,
            InitialSettings::Open => Self::Open,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    App,
    Master,
    Hook,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Master => "master",
            Self::Hook => "hook",
        }
    }
}

impl Apps {
    /// Runs the action, and prints the server's answer.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Create { id, keys: source, profile, common } => {
                let given = source.map(|source| read_keys(&source)).transpose()?.unwrap_or_default();
                common.print(&common.admin.api(None)?.create(id, given, profile.into()).await?, keys)
            }
            Action::List { common } => {
                let apps = common.admin.api(None)?.list().await?;
                apps.iter().try_for_each(|app| common.print(app, line))
            }
            Action::RotateKey { id, key, master_key, common } => {
                common.print(&common.admin.api(master_key)?.rotate_key(&id, key.name()).await?, keys)
            }
            Action::Delete { id, lost: false, common } => {
                let deleted = common.admin.api(None)?.delete(&id).await?;
                common.print(&deleted, |_| format!("App `{id}` is deleted"))
            }
            Action::Delete { id, lost: true, common } => {
                let deleted = common.admin.api(None)?.delete_lost(&id).await?;
                common.print(&deleted, |_| format!("What was kept of the lost app `{id}` is deleted"))
            }
        }
    }
}

impl Common {
    fn print<T: DeserializeOwned>(
        &self,
        answer: &Answer<T>,
        for_people: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            return output::json(answer);
        }
        output::data(&for_people(&answer.read()?))
    }
}

/// A thousand times the size of three keys.
const MAX_KEYS_BYTES: u64 = 1 << 20;

fn read_keys(source: &str) -> anyhow::Result<GivenKeys> {
    let text = input_file::read_text(Path::new(source), "the keys", MAX_KEYS_BYTES)?;
    let name = if source == "-" { "standard input" } else { source };
    let keys: GivenKeys = serde_json::from_slice(&text).map_err(|error| {
        InputError::new(format!("the keys in `{name}` cannot be read: {error}"))
            .hint("write them as {\"app_key\": \"…\", \"master_key\": \"…\"}")
    })?;
    Ok(keys.checked(|key| format!("the {} in `{name}`", key.replace('_', " ")))?)
}

fn keys(app: &AppKeys) -> String {
    let AppKeys { app_id, app_key, master_key, hook_key } = app;
    format!("app id      {app_id}\napp key     {app_key}\nmaster key  {master_key}\nhook key    {hook_key}")
}

fn line(app: &AppSummary) -> String {
    let number =
        |live: &Option<LiveVersion>| live.as_ref().map_or_else(|| "-".to_owned(), |live| live.version.to_string());
    let (production, staging) = (number(&app.production), number(&app.staging));
    format!("{}  app key {}  production {production}  staging {staging}", app.app_id, app.app_key)
}
