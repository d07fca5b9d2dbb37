//! Connections of an app: each made within a time, all of them within a number.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hookd_http_client::Watched;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A connection with its place among those of the app.
type Socket<S> = TokioIo<Watched<TokioIo<S>, OwnedSemaphorePermit>>;

/// Bounds what another connector makes.
#[derive(Clone, Debug)]
pub(super) struct BoundedConnector<C> {
    pub(super) inner: C,
    /// One for each connection, until it is closed.
    pub(super) sockets: Arc<Semaphore>,
    /// From the wait for a socket to the end of the TLS handshake. The client finishes a connection in the background when
    /// the request that wanted it got another one: nothing else would end that.
    pub(super) time: Duration,
}

impl<C> Service<Uri> for BoundedConnector<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = Socket<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, sockets, time) = (self.inner.call(uri), self.sockets.clone(), self.time);
        Box::pin(async move {
            let bounded = timeout(time, async {
                let place = sockets.acquire_owned().await?;
                Ok(TokioIo::new(Watched::with_place(TokioIo::new(connecting.await?), place)))
            });
            bounded.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never connects.
    #[derive(Clone)]
    struct Stalling;

    impl Service<Uri> for Stalling {
        type Response = ();
        type Error = BoxError;
        type Future = std::future::Pending<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Uri) -> Self::Future {
            std::future::pending()
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_never_made_ends_in_time_and_gives_its_place_back() {
        let sockets = Arc::new(Semaphore::new(1));
        let time = Duration::from_millis(50);
        let mut connector = BoundedConnector { inner: Stalling, sockets: sockets.clone(), time };
        let Err(error) = connector.call(Uri::from_static("https://a.example")).await else { panic!("connected") };
        assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
        assert_eq!(sockets.available_permits(), 1);
    }
}
