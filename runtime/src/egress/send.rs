//! One request of a function.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hookd_http_client::{answers_an_idle_connection, met_a_closing_connection};
use http::uri::Scheme;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use metrics::counter;
use opentelemetry::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::CountedBody;
use super::connections::ConnectionPool;
use super::outbound_client::OutboundClient;
use super::repeatable::RepeatableRequest;
use super::request_class::RequestClass;
use super::{CallBudget, Egress};
use super::{failure, span};
use crate::call_chain::{self, ChainEnd};
use crate::logs::{CallLog, LogLevel};
use crate::trace::HostSpan;

/// What a call brings along to send requests.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) egress: Arc<Egress>,
    pub(crate) client: Arc<OutboundClient>,
    pub(crate) budget: Arc<CallBudget>,
    /// The call's own.
    pub(crate) deadline: Instant,
    /// For requests that lead back to the engine.
    pub(crate) chain: ChainEnd,
}

/// A failure as the guest and as the app's log see it.
struct Failed(Error, String);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let text = match &error {
            Error::InternalError(Some(text)) => text.clone(),
            other => other.to_string(),
        };
        Self(error, text)
    }
}

/// Sends a request and waits for the head of its response, until the call's deadline at the latest. `call` is the call's
/// span, where there is one.
pub(crate) async fn send(
    grant: Grant,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
    log: Arc<CallLog>,
    call: Option<Context>,
) -> Result<Response<WasiBody>, Error> {
    let budget = grant.budget.clone();
    let span = call.and_then(|call| span::begin(&call, &request));
    let sent = attempt(grant, request, options.unwrap_or_default(), span.as_ref()).await;
    if let Some(span) = span {
        span::end(span, sent.as_ref().map_err(|Failed(error, _)| error));
    }
    counter!("hookd_http_requests_total", "result" => if sent.is_ok() { "answered" } else { "failed" }).increment(1);
    sent.map_err(|Failed(error, text)| {
        let is_budget = matches!(error, Error::InternalError(_));
        if !is_budget || budget.is_first_report() {
            // Counts as a line of the function: its log's budget bounds what it can make the engine write.
            log.guest(LogLevel::Warn, "http", &text);
        }
        error
    })
}

async fn attempt(
    grant: Grant,
    mut request: Request<WasiBody>,
    options: RequestOptions,
    span: Option<&HostSpan>,
) -> Result<Response<WasiBody>, Failed> {
    let Grant { egress, client, budget, deadline, chain } = grant;
    budget.take_request()?;
    let host = destination(&request, &client, &egress)?;
    budget.take_bytes(request.uri().path_and_query().map_or(1, |path| path.as_str().len()) as u64)?;
    budget.take_headers(request.headers())?;
    let class = RequestClass::of(chain.tell(&mut request));
    if let Some(span) = span {
        // After the headers were counted: traced and untraced requests may send equally much.
        span.inject(request.headers_mut());
    }
    let head_deadline = head_deadline(&options, deadline);
    let pool = client.pool(&egress, class);
    let late = || Failed(Error::ConnectionReadTimeout, format!("`{host}` did not answer in time"));
    let answering = async {
        let permits = (permit(&pool.request_permits).await?, permit(egress.request_permits(class)).await?);
        let request = request.map(|body| CountedBody::new(body, budget.clone(), None, None).boxed_unsync());
        let answered = exchange(pool, RepeatableRequest::new(request)).await;
        let response = answered.map_err(|error| {
            let (error, text) = failure::of_client(&host, &error);
            Failed(error, text)
        })?;
        Ok::<_, Failed>((response, permits))
    };
    let (mut response, permits) = timeout_at(head_deadline, answering).await.map_err(|_| late())??;
    budget.take_headers(response.headers())?;
    call_chain::strip(response.headers_mut());
    let pause = options.between_bytes_timeout;
    Ok(response.map(|body| {
        let body = body.map_err(Error::from).boxed_unsync();
        CountedBody::new(body, budget, pause, Some(permits)).boxed_unsync()
    }))
}

/// Sends the request, twice where its connection was just being closed and it may be sent twice.
async fn exchange(pool: &ConnectionPool, request: RepeatableRequest) -> Result<Response<Incoming>, ClientError> {
    let answered = pool.http().request(request.start()).await;
    let was_closing = match &answered {
        Err(error) => met_a_closing_connection(error),
        Ok(answer) => answers_an_idle_connection(answer),
    };
    if was_closing && request.may_be_repeated() {
        return pool.unpooled().request(request.start()).await;
    }
    answered
}

/// The host, when the request may go there.
fn destination(request: &Request<WasiBody>, client: &OutboundClient, egress: &Egress) -> Result<String, Failed> {
    let uri = request.uri();
    let invalid = |text: &str| Failed(Error::HttpRequestUriInvalid, text.to_owned());
    let authority = uri.authority().ok_or_else(|| invalid("an HTTP request names no host"))?;
    if authority.as_str().contains('@') {
        return Err(invalid("the URL of an HTTP request contains a user name; send credentials in a header"));
    }
    if request.method() == Method::CONNECT {
        return Err(Failed(Error::HttpRequestMethodInvalid, "functions cannot send CONNECT requests".to_owned()));
    }
    let host = authority.host();
    let usual_port = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    let port = authority.port_u16().unwrap_or(usual_port);
    if !client.allows(host, port, usual_port) {
        let name = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
        let text = format!("host `{name}` is not allowed; allow it with `hookd settings --allow-host {name}`");
        return Err(Failed(Error::HttpRequestDenied, text));
    }
    // The connector dials an address without asking the resolver.
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        let checked = egress.guard.check(host, address);
        checked.map_err(|refused| Failed(Error::DestinationIpProhibited, refused.to_string()))?;
    }
    Ok(host.to_owned())
}

/// When the response's head must be there. A guest's time for connecting counts besides that for the first byte; alone it
/// bounds nothing.
fn head_deadline(options: &RequestOptions, deadline: Instant) -> Instant {
    let connect = options.connect_timeout.unwrap_or_default();
    let own = options.first_byte_timeout.and_then(|first_byte: Duration| first_byte.checked_add(connect));
    own.and_then(|own| Instant::now().checked_add(own)).map_or(deadline, |own| own.min(deadline))
}

async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failed> {
    permits.clone().acquire_owned().await.map_err(|_| Failed::from(Error::ConnectionLimitReached))
}
