//! The seam to what takes pushes to devices.

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

/// A push on its way to an app's gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPush {
    /// The app.
    pub app: String,
    /// `http://…` or `https://…`.
    pub url: String,
    /// The operator named that address, so it may be any; others must be public.
    pub by_operator: bool,
    /// Names the push, the same on every attempt.
    pub number: u64,
    /// A JSON object (S-119).
    pub body: Bytes,
    /// Milliseconds since 1970, as signed.
    pub timestamp: i64,
    /// Of `<timestamp>.<body>`: HMAC-SHA256 with the app's hook key, hex.
    pub signature: String,
}

/// A gateway did not take a push.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct PushFailure(pub String);

/// Hands pushes to the gateways of apps.
#[async_trait]
pub trait PushGateway: Send + Sync + 'static {
    /// One attempt. It ends within some seconds.
    ///
    /// # Errors
    /// The gateway cannot be reached, does not answer in time, or answers with another status than 2xx.
    async fn send(&self, push: SignedPush) -> Result<(), PushFailure>;
}
