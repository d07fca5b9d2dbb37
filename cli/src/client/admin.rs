//! The control API of an installation: its apps.

use api_types::control::{AppKeys, AppSummary, DeletedApp, NewApp, Stats};
use api_types::{Profile, headers};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{self, Answer};
use super::reach::reach;
use super::request::{ANSWER_TIMEOUT, percent_encoded_segment};
use crate::exit::InputError;
use crate::secrets;

/// A client for calls about the apps of an installation.
pub enum Credential {
    /// The operator of the installation.
    AdminKey(String),
    /// The owner of one app.
    MasterKey(String),
}

/// Keys that an app has already.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenKeys {
    app_key: Option<String>,
    master_key: Option<String>,
    hook_key: Option<String>,
}

impl GivenKeys {
    /// The keys as they are shown. `named` says where a key comes from.
    ///
    /// # Errors
    /// One of them is empty, too short, too long or not printable.
    pub fn checked(self, named: impl Fn(&str) -> String) -> Result<Self, InputError> {
        let checked = |name, key: Option<String>| key.map(|key| secrets::key(&key, &named(name))).transpose();
        Ok(Self {
            app_key: checked("app_key", self.app_key)?,
            master_key: checked("master_key", self.master_key)?,
            hook_key: checked("hook_key", self.hook_key)?,
        })
    }
}

/// A client of an installation.
pub struct AdminApi {
    http: reqwest::Client,
    url: String,
    /// The base of the URLs, before the path.
    base: String,
    credential: Credential,
}

impl AdminApi {
    /// `url` has no trailing slash.
    pub fn new(url: String, credential: Credential) -> anyhow::Result<Self> {
        let (http, base) = reach(&url)?;
        Ok(Self { http, url, base, credential })
    }

    /// All apps with their app keys and live versions.
    pub async fn list(&self) -> anyhow::Result<Vec<Answer<AppSummary>>> {
        self.answer::<Vec<_>>(Method::GET, "", |request| request).await?.entries()
    }

    /// The counters of the functions of all apps.
    pub async fn stats(&self) -> anyhow::Result<Answer<Stats>> {
        self.send(self.http.get(format!("{}/hookd/v1/stats", self.base))).await
    }

    /// A new app with its keys: the given ones, else generated ones.
    pub async fn create(&self, id: String, keys: GivenKeys, profile: Profile) -> anyhow::Result<Answer<AppKeys>> {
        let GivenKeys { app_key, master_key, hook_key } = keys;
        let new = NewApp { id, app_key, master_key, hook_key, profile };
        self.answer(Method::POST, "", |request| request.json(&new)).await
    }

    /// A new key in place of the app's `app`, `master` or `hook` key; answers all keys.
    pub async fn rotate_key(&self, id: &str, key: &str) -> anyhow::Result<Answer<AppKeys>> {
        let path = format!("/{}/keys/{key}", percent_encoded_segment(id));
        self.answer(Method::POST, &path, |request| request).await
    }

    /// Deletes an app.
    pub async fn delete(&self, id: &str) -> anyhow::Result<Answer<DeletedApp>> {
        self.answer(Method::DELETE, &format!("/{}", percent_encoded_segment(id)), |request| request).await
    }

    /// Deletes what the IM core keeps of an app that the engine has lost.
    pub async fn delete_lost(&self, id: &str) -> anyhow::Result<Answer<DeletedApp>> {
        let url = format!("{}/hookd/v1/lost-apps/{}", self.base, percent_encoded_segment(id));
        self.send(self.http.delete(url)).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<Answer<T>> {
        self.send(body(self.http.request(method, format!("{}/hookd/v1/apps{path}", self.base)))).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<Answer<T>> {
        let request = match &self.credential {
            Credential::AdminKey(key) => request.header(headers::ADMIN_KEY, key),
            Credential::MasterKey(key) => request.header("x-lc-key", format!("{key},master")),
        };
        answer::json(request.timeout(ANSWER_TIMEOUT), &self.url, || {
            let (key, flag) = match self.credential {
                Credential::AdminKey(_) => ("admin key", "--admin-key; `connection.json` in the data folder holds it"),
                Credential::MasterKey(_) => ("master key", "--master-key, or give --admin-key"),
            };
            InputError::new(format!("`{}` refused the {key}", self.url)).hint(format!("check {flag}"))
        })
        .await
    }
}
