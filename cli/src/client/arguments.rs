//! Where the server is and with which keys: flags, then environment, then the project's link, then the file that
//! `hookd up` leaves behind.

use std::path::{Path, PathBuf};

use api_types::{Connection, ConnectionFile};
use clap::{Args, FromArgMatches as _};

use super::link::{KnownKeys, Link};
use super::{AdminApi, Credential};
use crate::exit::InputError;
use crate::secrets::{self, SecretParser};

/// How every client command finds its server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerArguments {
    /// Base URL of the server [default: that of `hookd switch`, else the last server started in the data folder].
    #[arg(long, env = "HOOKD_URL")]
    url: Option<String>,
    /// App id [default: that of `hookd switch`, else the first one of the server in the data folder].
    #[arg(long, env = "HOOKD_APP")]
    app: Option<String>,
    /// Master key of the app.
    #[arg(long, env = "HOOKD_MASTER_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    master_key: Option<String>,
    /// Data folder of a local `hookd up`, where its address and keys are looked up; goes before `hookd switch`.
    #[arg(long, env = "HOOKD_DATA")]
    data: Option<PathBuf>,
}

/// How a command for all apps finds its server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct AdminArguments {
    /// Base URL of the server [default: the one that `hookd up` last started in the data folder].
    #[arg(long, env = "HOOKD_URL")]
    url: Option<String>,
    /// Admin key of the installation [default: the one in `connection.json` in the data folder].
    #[arg(long, env = "HOOKD_ADMIN_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    admin_key: Option<String>,
    /// Data folder of a local `hookd up`, where its address and keys are looked up.
    #[arg(long, env = "HOOKD_DATA", default_value_os_t = default_data_folder())]
    data: PathBuf,
}

/// `hookd` in the user's data folder; `hookd-data` in the working folder where the system has none.
pub fn default_data_folder() -> PathBuf {
    dirs::data_dir().map_or_else(|| PathBuf::from("hookd-data"), |folder| folder.join("hookd"))
}

/// The server of a client command: address, app and master key.
pub struct Target {
    /// Base URL, no trailing slash.
    pub url: String,
    /// App id.
    pub app_id: String,
    /// Master key.
    pub master_key: String,
}

/// A [`Target`], and where each part of it was found.
pub struct Found {
    /// Address, app and key.
    pub target: Target,
    /// Where the address comes from, in words.
    pub url_from: String,
    /// Where the app comes from.
    pub app_from: String,
}

impl ServerArguments {
    /// The values without any flag.
    ///
    /// # Errors
    /// When a variable has an invalid value.
    pub fn without_flags() -> anyhow::Result<Self> {
        let matches = Self::augment_args(clap::Command::new("hookd")).try_get_matches_from(["hookd"])?;
        Ok(Self::from_arg_matches(&matches)?)
    }

    /// The same server, for a command for all apps.
    pub fn admin(&self, admin_key: Option<String>) -> AdminArguments {
        AdminArguments { url: self.url.clone(), admin_key, data: self.data_folder() }
    }

    /// The same server and another app.
    pub fn with_app(&self, app: &str) -> Self {
        self.with_app_of(Some(app.to_owned()))
    }

    fn with_app_of(&self, app: Option<String>) -> Self {
        Self { url: self.url.clone(), app, master_key: self.master_key.clone(), data: self.data.clone() }
    }

    #[cfg(feature = "server")]
    /// The same app on a server at a known address.
    pub fn on(&self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self.with_app_of(self.app.clone()) }
    }

    /// True when a flag or the environment names the address.
    pub fn is_url_given(&self) -> bool {
        self.url.is_some()
    }

    /// The data folder of a local server.
    pub fn data_folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(default_data_folder)
    }

    /// The admin key of a server at `url`, where that is the one of the data folder. With a master key, no other key
    /// is sent.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn saved_admin_key(&self, url: &str) -> anyhow::Result<Option<String>> {
        if self.master_key.is_some() {
            return Ok(None);
        }
        let data = self.data_folder();
        let saved = Connection::load(&data)?.filter(|saved| saved.url == url && !saved.admin_key.is_empty());
        let source = format!("the admin key in `{}`", ConnectionFile::Installation.in_folder(&data).display());
        Ok(saved.map(|saved| secrets::key(&saved.admin_key, &source)).transpose()?)
    }

    /// Merges flags and environment (clap has done that) with the files.
    ///
    /// # Errors
    /// When something is missing and the data folder does not hold it.
    pub fn target(&self) -> anyhow::Result<Target> {
        Ok(self.find()?.target)
    }

    /// The same, with the source of each part.
    ///
    /// # Errors
    /// As [`ServerArguments::target`].
    pub fn find(&self) -> anyhow::Result<Found> {
        let data = self.data_folder();
        let saved = Connection::load(&data)?;
        // The flag `--data` selects the server of that data folder.
        let link = if self.data.is_none() { Link::find(&std::env::current_dir()?)? } else { None };
        let pick = |given: &Option<String>, linked: Option<String>, saved: Option<String>, flag: &str| {
            let given = given.clone().map(|given| (given, format!("{flag} or its variable")));
            let linked = linked.zip(link.as_ref().map(|(_, path)| path.display().to_string()));
            let saved = saved.map(|saved| (saved, ConnectionFile::Installation.in_folder(&data).display().to_string()));
            given.or(linked).or(saved).ok_or_else(|| {
                InputError::new(format!("no `{flag}` was given, and `{}` holds no running server", data.display()))
                    .hint(format!("start one with `hookd up`, or give --url, --app and --master-key (missing: {flag})"))
            })
        };
        let linked = link.as_ref().map(|(link, _)| link);
        let (url, url_from) = pick(
            &self.url,
            linked.map(|link| link.url.clone()),
            saved.as_ref().map(|saved| saved.url.clone()),
            "--url",
        )?;
        let url = url.trim_end_matches('/').to_owned();
        // An app belongs to its server: with another server given, the link says nothing.
        let linked_app = linked.filter(|link| link.url == url).map(|link| link.app.clone());
        let (app_id, app_from) =
            pick(&self.app, linked_app, saved.as_ref().map(|saved| saved.app_id.clone()), "--app")?;
        // A saved key belongs to the saved app only, and another server must not see it unless `--url` names that
        // server.
        let is_saved = |saved: &Connection| saved.app_id == app_id && (self.url.is_some() || saved.url == url);
        let key_of = |key: &str, file: &Path| {
            secrets::key(key, &format!("the master key of app `{app_id}` in `{}`", file.display()))
        };
        let saved_key = saved
            .filter(is_saved)
            .map(|saved| key_of(&saved.master_key, &ConnectionFile::Installation.in_folder(&data)));
        let known_key = || {
            let (keys, file) = KnownKeys::load()?;
            Ok::<_, anyhow::Error>(keys.master_key(&url, &app_id).map(|key| key_of(key, &file)).transpose()?)
        };
        let master_key = match self.master_key.clone() {
            Some(given) => given,
            None => match known_key()? {
                Some(known) => known,
                None => saved_key.transpose()?.ok_or_else(|| {
                    InputError::new(format!("the master key of app `{app_id}` on `{url}` is not known here")).hint(
                        format!(
                            "give --master-key, or save it with `hookd switch {app_id} --url {url} --master-key …`"
                        ),
                    )
                })?,
            },
        };
        Ok(Found { target: Target { url, app_id, master_key }, url_from, app_from })
    }
}

impl AdminArguments {
    /// A client with `master_key`, where one is given, else with the admin key.
    ///
    /// # Errors
    /// When something is missing and the data folder does not hold it.
    pub fn api(&self, master_key: Option<String>) -> anyhow::Result<AdminApi> {
        let saved = Connection::load(&self.data)?;
        let missing = |flag: &str| {
            InputError::new(format!("no `{flag}` was given, and `{}` holds no running server", self.data.display()))
                .hint("start one with `hookd up`, or give --url and --admin-key")
        };
        let saved_url = saved.as_ref().map(|saved| saved.url.clone());
        let url = self.url.clone().or(saved_url).ok_or_else(|| missing("--url"))?;
        let saved_key = saved.map(|saved| saved.admin_key).filter(|key| !key.is_empty());
        let credential = match (master_key, self.admin_key.clone(), saved_key) {
            (Some(key), ..) => Credential::MasterKey(key),
            (None, Some(key), _) => Credential::AdminKey(key),
            (None, None, Some(key)) => {
                let source =
                    format!("the admin key in `{}`", ConnectionFile::Installation.in_folder(&self.data).display());
                Credential::AdminKey(secrets::key(&key, &source)?)
            }
            (None, None, None) => return Err(missing("--admin-key").into()),
        };
        AdminApi::new(url.trim_end_matches('/').to_owned(), credential)
    }
}
