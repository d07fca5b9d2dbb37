//! The control API of a server, and its functions.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use api_types::control::{
    AppSummary, BannedClient, BansQuery, Breaker, CacheCommands, CacheReplies, ChangedVariables, CheckedVersion,
    DeadLetter, DeadLetterSelection, DeadLettersQuery, DeployEvent, DeployQuery, DroppedLetters, EndedBan,
    EngineSettings, Health, ListedVariables, LogEvent, LogsQuery, NewBan, NewServiceMessage, PastRelease, Release,
    ReleasesQuery, RetriedLetters, RollbackTo, SeenQuery, SentServiceMessage, ServiceConversation,
    ServiceConversationsQuery, SettingsPatch, ShownBan, ShownVariable, Stats, Subscriber, SubscribersQuery,
    VariableChanges, Version,
};
use api_types::{Environment, headers};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::answer::{self, Answer};
use super::functions::{Functions, InvokeAnswer};
use super::reach::reach;
use super::request::{ANSWER_TIMEOUT, percent_encoded_segment};
use super::{ReleaseNote, Target};
use crate::exit::InputError;

/// Whether a server is there should not take long to say.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The server may need so long for the upload of a module, and no longer.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(660);

/// An event line is short; a longer one does not come from hookd.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// A client of one app on one server.
pub struct Api {
    http: reqwest::Client,
    /// The base of the URLs, before the path.
    base: String,
    target: Target,
    /// Sent together with the master key when settings change.
    admin_key: Option<String>,
}

impl Api {
    /// A client for one app.
    pub fn new(target: Target) -> anyhow::Result<Self> {
        let (http, base) = reach(&target.url)?;
        Ok(Self { http, base, target, admin_key: None })
    }

    /// The same, for changes of settings that are the operator's.
    pub fn with_admin_key(self, admin_key: Option<String>) -> Self {
        Self { admin_key, ..self }
    }

    /// The app with its keys and live versions.
    pub async fn app(&self) -> anyhow::Result<Answer<AppSummary>> {
        self.json(self.request(Method::GET, "").timeout(ANSWER_TIMEOUT)).await
    }

    /// The server's own version; answered without keys.
    pub async fn server_version(&self) -> anyhow::Result<String> {
        let request = self.http.get(format!("{}/__engine/1/ping", self.base)).timeout(PING_TIMEOUT);
        let answer: Answer<Health> = self.json(request).await?;
        Ok(answer.read().ok().context("the server that answers is not hookd")?.version)
    }

    /// The counters of the app's functions.
    pub async fn stats(&self) -> anyhow::Result<Answer<Stats>> {
        self.json(self.request(Method::GET, "/stats").timeout(ANSWER_TIMEOUT)).await
    }

    /// The circuit breakers of production's hooks, which the IM core knows by itself; an engine alone has none.
    pub async fn breakers(&self) -> anyhow::Result<Answer<Vec<Breaker>>> {
        self.json(self.request(Method::GET, "/breakers").timeout(PING_TIMEOUT)).await
    }

    /// Current settings and limits. Those of the IM core are in the JSON only.
    pub async fn settings(&self) -> anyhow::Result<Answer<EngineSettings>> {
        self.json(self.request(Method::GET, "/settings").timeout(ANSWER_TIMEOUT)).await
    }

    /// Changes the settings that `changes` names; answers all of them.
    pub async fn change_settings(&self, changes: &SettingsPatch) -> anyhow::Result<Answer<EngineSettings>> {
        let mut request = self.request(Method::PATCH, "/settings").json(changes);
        if let Some(admin_key) = &self.admin_key {
            request = request.header(headers::ADMIN_KEY, admin_key);
        }
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// The environment variables, and the live versions with other values.
    pub async fn variables(&self) -> anyhow::Result<Answer<ListedVariables>> {
        self.json(self.request(Method::GET, "/env").timeout(ANSWER_TIMEOUT)).await
    }

    /// The variables that functions read.
    pub async fn seen_variables(
        &self,
        environment: Environment,
        keys: bool,
    ) -> anyhow::Result<Answer<Vec<ShownVariable>>> {
        let query = SeenQuery { environment: Some(environment), keys };
        self.json(self.request(Method::GET, "/env/seen").query(&query).timeout(ANSWER_TIMEOUT)).await
    }

    /// Changes variables; returns all variables and the new releases.
    pub async fn change_variables(
        &self,
        changes: &VariableChanges,
        by: &ReleaseNote,
    ) -> anyhow::Result<Answer<ChangedVariables>> {
        let request = self.request(Method::PATCH, "/env").query(&by.query()).json(changes);
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Makes staging's version live in production.
    pub async fn publish(&self, by: &ReleaseNote) -> anyhow::Result<Answer<Release>> {
        self.json(self.request(Method::POST, "/publish").query(&by.query()).timeout(ANSWER_TIMEOUT)).await
    }

    /// Makes an earlier version live in production; without a number, the one that was live before.
    pub async fn rollback(&self, version: Option<u64>, by: &ReleaseNote) -> anyhow::Result<Answer<Release>> {
        let request = self.request(Method::POST, "/rollback").query(&by.query()).json(&RollbackTo { version });
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// The newest releases, newest first.
    pub async fn releases(&self, limit: u32) -> anyhow::Result<Vec<Answer<PastRelease>>> {
        let request = self.request(Method::GET, "/releases").query(&ReleasesQuery { limit: Some(limit) });
        self.json::<Vec<_>>(request.timeout(ANSWER_TIMEOUT)).await?.entries()
    }

    /// Why live versions cannot be called: `production: version 3: …`. Modules may be compiled first.
    pub async fn live_problems(&self) -> anyhow::Result<Vec<String>> {
        let checked: Answer<Vec<CheckedVersion>> =
            self.json(self.request(Method::GET, "/check").timeout(ANSWER_TIMEOUT)).await?;
        let problem = |CheckedVersion { environment, version, problem }| {
            Some(format!("{environment}: version {version}: {}", problem?))
        };
        Ok(checked.read()?.into_iter().filter_map(problem).collect())
    }

    /// All that is recorded about a version.
    pub async fn version(&self, number: u64) -> anyhow::Result<Answer<Version>> {
        self.json(self.request(Method::GET, &format!("/versions/{number}")).timeout(ANSWER_TIMEOUT)).await
    }

    /// Carries commands of LeanCache out; answers their replies.
    pub async fn cache(&self, commands: &CacheCommands) -> anyhow::Result<Answer<CacheReplies>> {
        self.json(self.request(Method::POST, "/cache").json(commands).timeout(ANSWER_TIMEOUT)).await
    }

    /// Uploads a module; the answer streams its steps as they happen.
    pub async fn deploy(
        &self,
        query: DeployQuery,
        by: &ReleaseNote,
        module: impl Stream<Item = Vec<u8>> + Send + 'static,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<DeployEvent<Answer<Release>>>> + Unpin> {
        let body = reqwest::Body::wrap_stream(module.map(Ok::<_, std::convert::Infallible>));
        let request = self.request(Method::POST, "/deployments").query(&query).query(&by.query());
        let request = request.header("content-type", "application/wasm").body(body);
        Ok(events(self.begun(request, UPLOAD_TIMEOUT).await?))
    }

    /// The app's log: the kept lines, and with `follow` the new ones, without end.
    pub async fn logs(
        &self,
        query: &LogsQuery,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Answer<LogEvent>>> + Unpin + use<>> {
        Ok(events(self.begun(self.request(Method::GET, "/logs").query(query), ANSWER_TIMEOUT).await?))
    }

    /// The newest dead letters, newest first.
    pub async fn dead_letters(&self, query: &DeadLettersQuery) -> anyhow::Result<Vec<Answer<DeadLetter<Value>>>> {
        let request = self.request(Method::GET, "/dead-letters").query(query);
        self.json::<Vec<_>>(request.timeout(ANSWER_TIMEOUT)).await?.entries()
    }

    /// Puts dead letters into the queue again.
    pub async fn retry_dead_letters(&self, which: &DeadLetterSelection) -> anyhow::Result<Answer<RetriedLetters>> {
        let request = self.request(Method::POST, "/dead-letters/retry").json(which);
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Deletes dead letters.
    pub async fn drop_dead_letters(&self, which: &DeadLetterSelection) -> anyhow::Result<Answer<DroppedLetters>> {
        let request = self.request(Method::POST, "/dead-letters/drop").json(which);
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Makes a service conversation with these columns.
    pub async fn create_service(&self, columns: &Map<String, Value>) -> anyhow::Result<Answer<ServiceConversation>> {
        let request = self.request(Method::POST, "/service-conversations").json(columns);
        self.json(request.timeout(ANSWER_TIMEOUT)).await
    }

    /// The service conversations, the one that changed last first.
    pub async fn services(
        &self,
        query: &ServiceConversationsQuery,
    ) -> anyhow::Result<Vec<Answer<ServiceConversation>>> {
        let request = self.request(Method::GET, "/service-conversations").query(query);
        self.json::<Vec<_>>(request.timeout(ANSWER_TIMEOUT)).await?.entries()
    }

    /// Sends a message of a service conversation.
    pub async fn send_from_service(
        &self,
        id: &str,
        message: &NewServiceMessage,
    ) -> anyhow::Result<Answer<SentServiceMessage>> {
        let path = format!("/service-conversations/{}/messages", percent_encoded_segment(id));
        self.json(self.request(Method::POST, &path).json(message).timeout(ANSWER_TIMEOUT)).await
    }

    /// Subscribers of a service conversation.
    pub async fn subscribers(&self, id: &str, query: &SubscribersQuery) -> anyhow::Result<Vec<Answer<Subscriber>>> {
        let path = format!("/service-conversations/{}/subscribers", percent_encoded_segment(id));
        let request = self.request(Method::GET, &path).query(query);
        self.json::<Vec<_>>(request.timeout(ANSWER_TIMEOUT)).await?.entries()
    }

    /// The clients that are banned, by their ids.
    pub async fn bans(&self, query: &BansQuery) -> anyhow::Result<Vec<Answer<ShownBan>>> {
        let request = self.request(Method::GET, "/bans").query(query);
        self.json::<Vec<_>>(request.timeout(ANSWER_TIMEOUT)).await?.entries()
    }

    /// Bans a client.
    pub async fn ban_client(&self, ban: &NewBan) -> anyhow::Result<Answer<ShownBan>> {
        self.json(self.request(Method::POST, "/bans").json(ban).timeout(ANSWER_TIMEOUT)).await
    }

    /// Ends the ban of a client.
    pub async fn unban_client(&self, client: &str) -> anyhow::Result<Answer<EndedBan>> {
        let query = BannedClient { client: client.to_owned() };
        self.json(self.request(Method::DELETE, "/bans").query(&query).timeout(ANSWER_TIMEOUT)).await
    }

    /// Calls a function or a hook by hand, with all keys.
    pub async fn invoke(&self, name: &str, params: Vec<u8>, staging: bool) -> anyhow::Result<InvokeAnswer> {
        let answer = self.functions_at(&self.target.url).await?.call(name, params, staging).await;
        let answer = answer.map_err(|error| answer::unreachable(error, &self.target.url))?;
        anyhow::ensure!(!answer.body.is_string(), "the server's answer is not JSON");
        Ok(answer)
    }

    /// The functions of this app at this server or another one, which knows the same keys.
    pub async fn functions_at(&self, address: &str) -> anyhow::Result<Functions> {
        let hook_key = self.app().await?.read()?.hook_key.unwrap_or_default();
        Functions::new(address, &self.target, hook_key)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/hookd/v1/apps/{}{path}", self.base, percent_encoded_segment(&self.target.app_id));
        self.authorized(self.http.request(method, url))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("x-lc-id", &self.target.app_id).header("x-lc-key", format!("{},master", self.target.master_key))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<Answer<T>> {
        answer::json(request, &self.target.url, || self.keys_refused()).await
    }

    /// A good answer that begins within the time; its end may come much later.
    async fn begun(&self, request: RequestBuilder, time: Duration) -> anyhow::Result<Response> {
        let checking = answer::checked(request, &self.target.url, || self.keys_refused());
        let checked = tokio::time::timeout(time, checking).await;
        checked.with_context(|| format!("the server at `{}` did not answer", self.target.url))?
    }

    fn keys_refused(&self) -> InputError {
        InputError::new(format!("`{}` refused the keys of app `{}`", self.target.url, self.target.app_id))
            .hint("check --app and --master-key; `hookd up` prints them")
    }
}

/// The lines of an answer that comes bit by bit, each a JSON event.
fn events<E: DeserializeOwned>(response: Response) -> impl Stream<Item = anyhow::Result<E>> + Unpin {
    let is_kept_alive = response.headers().contains_key(headers::KEEP_ALIVE);
    let silence = if is_kept_alive { headers::KEPT_ALIVE_TIME } else { Duration::MAX };
    let bytes = response.bytes_stream().map_err(io::Error::other);
    let bytes = StreamReader::new(until_silent(bytes, silence));
    let lines = FramedRead::new(bytes, LinesCodec::new_with_max_length(MAX_EVENT_BYTES));
    // Blanks that were the last thing said.
    let lines = lines.try_filter(|line| std::future::ready(!line.trim().is_empty()));
    Box::pin(lines.map(|line| {
        let line = line.context("the server stopped in the middle of its answer")?;
        serde_json::from_str(&line).context("the server's answer is not of this hookd's version")
    }))
}

/// The pieces, as long as they come in time.
fn until_silent<P>(
    pieces: impl Stream<Item = io::Result<P>> + Send + 'static,
    silence: Duration,
) -> impl Stream<Item = io::Result<P>> {
    futures::stream::unfold(Some(pieces.boxed()), move |pieces| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout(silence, pieces.next()).await {
            Ok(piece) => Some((piece?, Some(pieces))),
            Err(_) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, "nothing comes any more")), None)),
        }
    })
}
