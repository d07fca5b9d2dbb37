//! An engine behind HTTP: ours in a process of its own, or any LeanEngine app.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_http_client::{answers_an_idle_connection, met_a_closing_connection};
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{FailureCause, HookCall, HookEngine, HookFailure};
use hookd_im_core::trace;
use http::header::{CONTENT_TYPE, FORWARDED};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use opentelemetry::global;
use opentelemetry_http::HeaderInjector;
use tokio_util::sync::CancellationToken;

use super::address::{CallClient, EngineAddress, EngineUrlError};
use super::answer::Answer;
use super::engine_addresses::{AddressCheck, ProhibitedAddress};
use super::known_hooks::KnownHooks;
use super::request_permits::{Holder, RequestPermits};

/// Largest answer that is read. A hook's answer is a message of 5 KB and a list of receivers.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Calls at the same time: one app alone may have about as many as hookd's engine lets wait of it. An engine that does not
/// answer holds no more descriptors.
const CALLS: usize = 2_048;

/// How long one list of definitions may take.
const DEFINITIONS_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the lists are asked for (S-75, EC-26: a deployment is noticed at once, within reason).
const REFRESH_EVERY: Duration = Duration::from_secs(3);

/// The text where the address leads to a place that the owner of an app may not name.
const PROHIBITED: &str = "the engine's address is not public; the operator may set it with the admin key";

/// How much longer than its deadline a call waits for the answer, in which the engine reports the timeout itself.
const ENGINE_GRACE: Duration = Duration::from_millis(20);

/// [`HookEngine`] over HTTP, as S-73 … S-75 describe. Connections are kept alive and shared.
pub struct HttpEngine {
    base: String,
    /// The engine is hookd's own: it gets the deadline of the caller.
    tells_deadline: bool,
    client: CallClient,
    /// For calls on a connection that was just being closed.
    fresh: CallClient,
    known_hooks: KnownHooks,
    permits: RequestPermits,
}

impl HttpEngine {
    /// An engine at `http://host:port`, without a path. Nothing is asked yet.
    ///
    /// # Errors
    /// [`EngineUrlError`].
    pub fn new(url: &str) -> Result<Self, EngineUrlError> {
        Ok(Self::to(&EngineAddress::over_tcp(url)?, false, None))
    }

    /// The same, which connects only to addresses that pass the `check`.
    ///
    /// # Errors
    /// [`EngineUrlError`].
    pub fn checked(url: &str, check: Arc<dyn AddressCheck>) -> Result<Self, EngineUrlError> {
        Ok(Self::to(&EngineAddress::over_tcp(url)?, false, Some(check)))
    }

    /// The engine of this installation in a process of its own. Nothing is asked yet.
    pub fn own(address: &EngineAddress) -> Self {
        Self::to(address, true, None)
    }

    fn to(address: &EngineAddress, tells_deadline: bool, check: Option<Arc<dyn AddressCheck>>) -> Self {
        Self {
            base: address.base(),
            tells_deadline,
            client: address.client_with(check.clone()),
            fresh: address.client_without_pool(check),
            known_hooks: KnownHooks::default(),
            permits: RequestPermits::new(CALLS),
        }
    }

    /// Asks which functions an app's production environment defines.
    ///
    /// # Errors
    /// When the engine cannot be reached or refuses; what was known before stays in force.
    pub async fn refresh(&self, app: &App) -> Result<(), HookFailure> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/1.1/functions/_ops/metadatas", self.base))
            .header("X-LC-Id", app.id.as_str())
            .header("X-LC-Key", format!("{},master", app.master_key))
            .header("X-LC-Prod", "1");
        let answer = self.exchange(request, Bytes::new(), DEFINITIONS_TIMEOUT).await?;
        // A project without functions (EC 1.13).
        let names = if answer.status == StatusCode::NOT_FOUND { Vec::new() } else { answer.definitions()? };
        self.known_hooks.learn(&app.id, names);
        Ok(())
    }

    /// Keeps the lists of all apps that were asked about up to date until `shutdown`, each with the keys that the app has
    /// then.
    pub async fn keep_refreshing(&self, apps: &dyn AppDirectory, shutdown: CancellationToken) {
        let refreshing = async {
            loop {
                for app in self.known_hooks.apps().iter().filter_map(|app| apps.app(app)) {
                    if let Err(failure) = self.refresh(&app).await {
                        tracing::warn!(
                            app = %app.id,
                            cause = failure.cause.name(),
                            reason = failure.message,
                            "the list of hooks cannot be refreshed"
                        );
                    }
                }
                // A new app should not have to wait for its list: until then all of its hooks are called.
                tokio::select! {
                    () = tokio::time::sleep(REFRESH_EVERY) => {}
                    () = self.known_hooks.new_app() => {}
                }
            }
        };
        shutdown.run_until_cancelled(refreshing).await;
    }

    /// One request and its whole answer.
    async fn exchange(
        &self,
        request: http::request::Builder,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, HookFailure> {
        let request =
            request.body(Full::new(body)).map_err(|error| unavailable("the request cannot be built", &error))?;
        let exchange = async {
            let answered = match self.client.request(request.clone()).await {
                // The engine may have read it, and the hook runs twice then.
                Err(error) if met_a_closing_connection(&error) => self.fresh.request(request).await,
                Ok(answer) if answers_an_idle_connection(&answer) => self.fresh.request(request).await,
                answered => answered,
            };
            let response = answered.map_err(|error| unreached(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(broken_answer)?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            let message = format!("the engine did not answer within {} ms", limit.as_millis());
            Err(HookFailure { cause: FailureCause::TimedOut, message })
        })
    }
}

#[async_trait]
impl HookEngine for HttpEngine {
    /// True as well while the list of the app is not known yet: a call to a missing hook
    /// is harmless, but a hook must not be left out.
    fn defines(&self, app: &App, hook: &str) -> bool {
        self.known_hooks.defines(&app.id, hook)
    }

    async fn call(&self, call: HookCall) -> Result<Bytes, HookFailure> {
        let HookCall { app, hook, params, remote_address, sequence, deadline } = call;
        let Some(_permit) = self.permits.take(Holder::App(app.id.clone())) else {
            let message = "too many calls of this app wait for the engine".to_owned();
            return Err(HookFailure { cause: FailureCause::Overloaded, message });
        };
        let base = &self.base;
        // A LeanEngine app would take the query for a part of the name (EC-3).
        let (uri, limit) = match self.tells_deadline {
            true => {
                let uri = format!("{base}/1.1/functions/{hook}?deadline-ms={}", deadline.as_millis());
                (uri, deadline + ENGINE_GRACE)
            }
            false => (format!("{base}/1.1/functions/{hook}"), deadline),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header("X-LC-Id", app.id.as_str())
            .header("X-LC-Key", app.app_key.as_str())
            .header("X-LC-Hook-Key", app.hook_key.as_str())
            .header("X-LC-Prod", "1");
        if let Some(sequence) = sequence {
            request = request.header("X-Hookd-Sequence", sequence);
        }
        if let Some(address) = remote_address {
            request = request.header(FORWARDED, forwarded(address));
        }
        if let Some(headers) = request.headers_mut().filter(|_| trace::is_enabled()) {
            global::get_text_map_propagator(|propagator| propagator.inject(&mut HeaderInjector(headers)));
        }
        self.exchange(request, params, limit).await?.result()
    }
}

/// RFC 7239: an IPv6 address stands in brackets and quotes.
fn forwarded(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    }
}

/// The failure that a client may read about; addresses and the like go to the log only.
fn unavailable(message: &str, error: &(dyn Error + 'static)) -> HookFailure {
    tracing::debug!(error, "{message}");
    HookFailure { cause: FailureCause::Unavailable, message: message.to_owned() }
}

fn unreached(error: &(dyn Error + 'static)) -> HookFailure {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let is_prohibited = causes.any(|error| error.is::<ProhibitedAddress>());
    unavailable(if is_prohibited { PROHIBITED } else { "the engine cannot be reached" }, error)
}

fn broken_answer(error: Box<dyn Error + Send + Sync>) -> HookFailure {
    if error.is::<LengthLimitError>() {
        let message = format!("the engine's answer has more than {MAX_ANSWER_BYTES} bytes");
        return HookFailure { cause: FailureCause::BadReply, message };
    }
    unavailable("the engine's answer broke off", error.as_ref())
}

#[cfg(test)]
mod tests {
    use super::forwarded;

    #[test]
    fn addresses_are_forwarded_as_the_rfc_writes_them() {
        assert_eq!(forwarded("203.0.113.7".parse().unwrap()), "for=203.0.113.7");
        assert_eq!(forwarded("2001:db8::1".parse().unwrap()), "for=\"[2001:db8::1]\"");
        assert_eq!(forwarded("::ffff:203.0.113.7".parse().unwrap()), "for=203.0.113.7");
    }
}
