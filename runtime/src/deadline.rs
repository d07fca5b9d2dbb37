//! Waiting until a deadline.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits for `future` until `deadline`, as [`timeout_at`] does, without a timer for a future that is ready at once, as
/// most are: timers are shared by all threads.
///
/// # Errors
/// The deadline came first.
pub async fn until<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout_at(deadline, future).await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn a_ready_future_needs_no_time() {
        assert_eq!(until(Instant::now(), ready(7)).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn a_future_that_becomes_ready_in_time_is_waited_for() {
        let later = async {
            yield_now().await;
            7
        };
        assert_eq!(until(Instant::now() + Duration::from_secs(60), later).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn a_future_that_is_not_ready_in_time_is_given_up() {
        assert!(until(Instant::now() + Duration::from_millis(1), pending::<()>()).await.is_err());
    }
}
