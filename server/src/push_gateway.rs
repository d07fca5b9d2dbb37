//! Pushes on their way to the gateways of apps, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookd_im_core::push::{PushFailure, PushGateway, SignedPush};
use http::header::CONTENT_TYPE;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::error::BoxError;
use crate::remote_engine::{AddressCheck, check_literal, resolve};

/// How long one attempt may take, its answer included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// `POST` of JSON, signed (S-119). Redirects are not followed: they could lead where the URL may not.
pub struct HttpPushGateway {
    /// For gateways that the operator named.
    any: Client,
    /// For those that owners of apps named: it connects to allowed addresses only.
    checked: Client,
    addresses: Arc<dyn AddressCheck>,
}

impl HttpPushGateway {
    /// Owners of apps may name gateways at these addresses.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(addresses: Arc<dyn AddressCheck>) -> Result<Self, BoxError> {
        let tls = tls()?;
        let client = || {
            let client = Client::builder().no_proxy().timeout(TIMEOUT).redirect(redirect::Policy::none());
            client.tls_backend_preconfigured(tls.clone())
        };
        let checked = client().dns_resolver(CheckedNames(addresses.clone())).build()?;
        Ok(Self { any: client().build()?, checked, addresses })
    }
}

#[async_trait]
impl PushGateway for HttpPushGateway {
    async fn send(&self, push: SignedPush) -> Result<(), PushFailure> {
        let SignedPush { app, url, by_operator, number, body, timestamp, signature } = push;
        let url = reqwest::Url::parse(&url).map_err(|error| PushFailure(format!("its URL cannot be used: {error}")))?;
        let client = match by_operator {
            true => &self.any,
            false => {
                check_literal(url.host_str().unwrap_or_default(), &*self.addresses)
                    .map_err(|error| PushFailure(error.to_string()))?;
                &self.checked
            }
        };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-LC-Id", app)
            .header("X-Hookd-Push", number)
            .header("X-Hookd-Timestamp", timestamp)
            .header("X-Hookd-Signature", signature)
            .body(body);
        let response = request.send().await.map_err(|error| PushFailure(reason(&error)))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(PushFailure(format!("the gateway answers with status {status}"))),
        }
    }
}

/// What went wrong, without the address: it may be known only inside the network.
fn reason(error: &reqwest::Error) -> String {
    let what = match error {
        error if error.is_timeout() => format!("the gateway does not answer within {} s", TIMEOUT.as_secs()),
        error if error.is_connect() => "the gateway cannot be reached".to_owned(),
        _ => "the request to the gateway broke off".to_owned(),
    };
    tracing::debug!(error = error as &dyn std::error::Error, "{what}");
    what
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is left out, as every other program does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Resolves names to allowed addresses only.
struct CheckedNames(Arc<dyn AddressCheck>);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, check) = (name.as_str().to_owned(), self.0.clone());
        Box::pin(async move {
            // The port is put in by the client.
            let found: Vec<SocketAddr> = resolve(&host, 0, &*check).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
