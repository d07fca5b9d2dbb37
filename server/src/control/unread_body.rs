//! Refusals before the body was read: the rest of the body is read and dropped before the answer is sent. A connection
//! that is closed with unread input is reset, and the reset may destroy the answer on its way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt as _};
use tokio::sync::oneshot;

/// A slower client loses the connection.
const READ_TIME: Duration = Duration::from_secs(10);

/// As many bytes are thrown away; an honest upload is not longer.
const READ_BYTES: usize = 256 << 20;

/// Hands the request on, and reads the rest of its body afterwards.
pub(super) async fn read_to_its_end(request: Request, next: Next) -> Response {
    let (back, mut unread) = oneshot::channel();
    let request = request.map(|body| {
        let lent = Lent { body: Some(body.into_data_stream()), back: Some(back) };
        Body::from_stream(lent)
    });
    let response = next.run(request).await;
    // Else it is still lent: the handler goes on reading in the background.
    if let Ok(mut rest) = unread.try_recv() {
        let reading = async {
            let mut read = 0;
            while let Some(Ok(bytes)) = rest.next().await {
                read += bytes.len();
                if read > READ_BYTES {
                    return;
                }
            }
        };
        // No client waits longer than that for an answer.
        let _ = tokio::time::timeout(READ_TIME, reading).await;
    }
    response
}

/// A body that comes back when it is dropped.
struct Lent {
    body: Option<BodyDataStream>,
    back: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.body {
            Some(body) => body.poll_next_unpin(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Sending fails only when the request has ended already.
            let _ = back.send(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_refused_upload_is_read_before_it_is_answered() {
        let refuse = post(async || StatusCode::UNAUTHORIZED);
        let router: Router = Router::new().route("/", refuse.layer(from_fn(read_to_its_end)));
        let read = Arc::new(AtomicUsize::new(0));
        let counted = read.clone();
        let body = futures::stream::iter(0..100).map(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[0; 1024]))
        });
        let request = Request::post("/").body(Body::from_stream(body)).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 401);
        assert_eq!(read.load(Ordering::Relaxed), 100);
    }
}
