//! What happens outside of the gateway when a client has logged in on a socket.

use std::sync::Arc;

/// Called once a client has logged in on a socket. The HTTP server of the gateway may put one into the extensions of
/// the request that becomes the socket.
#[derive(Clone)]
pub struct OnLogin(Arc<dyn Fn() + Send + Sync>);

impl OnLogin {
    /// Calls `callback`.
    pub fn new(callback: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(super) fn call(&self) {
        (self.0)();
    }
}
