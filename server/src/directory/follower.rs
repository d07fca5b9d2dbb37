//! The IM core's side: follows the engine, and finds it again when it comes back.

use std::sync::Arc;
use std::time::Duration;

use api_types::{Connection, ConnectionFile, headers};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hookd_im_core::core::ImCore;
use hookd_runtime::generate_key;
use hyper_util::client::legacy::Client;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{Deletions, Directory, PATH, POLL_TIME, Poll, REACHED_AT, Snapshot};
use crate::error::{ConfigError, ServerError, with_causes};
use crate::remote_engine::{EngineAddress, EngineConnector};

/// Between two attempts to reach an engine that does not answer: it is found this soon after its return.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// The time that the engine may need beyond [`POLL_TIME`].
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Largest answer that is read: more than 100,000 apps.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why a poll failed.
#[derive(Debug, Error)]
enum PollError {
    #[error("it cannot be reached")]
    Unreachable(#[from] hyper_util::client::legacy::Error),
    #[error("it did not answer in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
    #[error("it refused the admin key; give the engine's with --admin-key, `admin.key` in its data folder holds it")]
    Refused,
    #[error("it answered with status {0}; is it a `hookd engine` of this version?")]
    NoEngine(StatusCode),
    #[error("its answer cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Follows one engine.
pub struct Follower {
    address: EngineAddress,
    client: Client<EngineConnector, Body>,
    admin_key: String,
    /// The name of this follower for the engine.
    name: String,
    directory: Arc<Directory>,
    reached_at: Vec<String>,
    applied_revision: Option<String>,
}

impl Follower {
    /// Nothing is asked yet.
    pub fn new(address: EngineAddress, admin_key: String, directory: Arc<Directory>) -> Self {
        let client = address.client();
        Self {
            address,
            client,
            admin_key,
            name: generate_key(),
            directory,
            reached_at: Vec::new(),
            applied_revision: None,
        }
    }

    /// The same; the engine learns the addresses of this process.
    pub fn reached_at(self, urls: Vec<String>) -> Self {
        Self { reached_at: urls, ..self }
    }

    /// Waits for the first answer, however long the engine takes to start.
    ///
    /// # Errors
    /// The server at the address refuses the admin key, or is not an engine.
    pub async fn meet(&mut self) -> Result<(), ServerError> {
        let mut is_logged = false;
        loop {
            match self.poll().await {
                Ok(Some(snapshot)) => return self.apply(snapshot).await,
                Ok(None) => {}
                Err(error @ (PollError::Refused | PollError::NoEngine(_))) => {
                    let problem = format!("cannot use the engine at `{}`: {error}", self.address);
                    return Err(ConfigError::new(problem, "give its address with --engine").into());
                }
                Err(error) => {
                    if !is_logged {
                        tracing::info!(engine = %self.address, "waiting for the engine: {}", with_causes(&error));
                        is_logged = true;
                    }
                    tokio::time::sleep(RETRY_EVERY).await;
                }
            }
        }
    }

    /// Follows until `shutdown`; keeps what client commands find in the data folder true to it.
    pub async fn run(
        mut self,
        core: Arc<ImCore>,
        (mut connection, mut deletions): (Connection, Deletions),
        shutdown: CancellationToken,
    ) {
        let following = async {
            deletions.apply(self.directory.deletions(), &core).await;
            // Not known to be lost before the first attempt fails.
            let mut lost = false;
            loop {
                match self.poll().await {
                    Ok(news) => {
                        if std::mem::take(&mut lost) {
                            tracing::info!(engine = %self.address, "the engine is back");
                            core.hooks.engine_is_back();
                        }
                        let applied = match news {
                            Some(snapshot) => self.apply(snapshot).await,
                            None => Ok(()),
                        };
                        // Incomplete deletions are tried again with every poll.
                        deletions.apply(self.directory.deletions(), &core).await;
                        if let Err(error) = applied.and(self.keep_true(&mut connection).await) {
                            tracing::error!(
                                error = with_causes(&error),
                                "the state of the engine cannot be kept on disk"
                            );
                        }
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut lost, true) {
                            tracing::warn!(engine = %self.address, "lost the engine: {}", with_causes(&error));
                        }
                        tokio::time::sleep(RETRY_EVERY).await;
                    }
                }
            }
        };
        shutdown.run_until_cancelled(following).await;
    }

    async fn poll(&self) -> Result<Option<Snapshot>, PollError> {
        let poll = Poll { follower: self.name.clone(), applied: self.applied_revision.clone() };
        let request = Request::get(format!("{}{PATH}?{}", self.address.base(), poll.query()))
            .header(headers::ADMIN_KEY, &self.admin_key);
        let request = self.reached_at.iter().fold(request, |request, url| request.header(REACHED_AT, url));
        let request = request.body(Body::empty()).map_err(|error| PollError::Unreadable(error.into()))?;
        tokio::time::timeout(POLL_TIME + ANSWER_TIME, self.answer(request)).await?
    }

    async fn answer(&self, request: Request<Body>) -> Result<Option<Snapshot>, PollError> {
        let response = self.client.request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT => return Ok(None),
            StatusCode::UNAUTHORIZED => return Err(PollError::Refused),
            status => return Err(PollError::NoEngine(status)),
        }
        let bytes = axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_BYTES).await;
        let bytes = bytes.map_err(|error| PollError::Unreadable(error.into()))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| PollError::Unreadable(error.into()))
    }

    /// Puts a state into force; the next poll acknowledges it.
    async fn apply(&mut self, snapshot: Snapshot) -> Result<(), ServerError> {
        self.applied_revision = Some(snapshot.revision.clone());
        self.directory.replace(snapshot).await
    }

    async fn keep_true(&self, connection: &mut Connection) -> Result<(), ServerError> {
        if self.directory.is_missing(&connection.app_id) {
            return Ok(());
        }
        let apps = self.directory.apps();
        let Some(app) = apps.iter().find(|app| app.id.as_str() == connection.app_id).or(apps.first()) else {
            return Ok(());
        };
        let now = Connection {
            app_id: app.id.to_string(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            ..connection.clone()
        };
        if now == *connection {
            return Ok(());
        }
        *connection = now.clone();
        let saving = tokio::task::spawn_blocking(move || now.save(ConnectionFile::Installation));
        Ok(saving.await.map_err(std::io::Error::from)??)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::RawQuery;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    /// Engines of released versions answer a poll at once whose revision they do not find: the follower would poll without a pause.
    #[tokio::test]
    async fn the_next_poll_names_the_applied_revision_as_released_engines_read_it() {
        let queries = Arc::new(Mutex::new(Vec::new()));
        let asked = queries.clone();
        let answer = move |RawQuery(query): RawQuery| async move {
            asked.lock().unwrap().push(query.unwrap());
            r#"{"revision": "f00d.3", "apps": []}"#
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = EngineAddress::over_tcp(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let engine = axum::serve(listener, Router::new().route(PATH, get(answer))).into_future();
        let engine = tokio::spawn(engine);

        let data = tempfile::tempdir().unwrap();
        let (directory, _) = Directory::load(data.path()).unwrap();
        let mut follower = Follower::new(address, "admin".to_owned(), Arc::new(directory));
        follower.meet().await.unwrap();
        follower.meet().await.unwrap();
        engine.abort();
        let name = &follower.name;
        assert_eq!(*queries.lock().unwrap(), [format!("follower={name}"), format!("follower={name}&obeys=f00d.3")]);
    }
}
