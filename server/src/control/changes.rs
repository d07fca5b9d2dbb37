//! Changes of the settings of apps. Changes of one app run one after the other, and each to its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::{ApiError, to_the_end};

/// Changes of one app that may be under way, all but one of them waiting. They go on when their callers are gone, so callers
/// that come and go must not pile them up.
const OF_ONE_APP: usize = 64;

/// The changes that are under way, by app.
#[derive(Clone, Default)]
pub(super) struct Changes(Arc<Mutex<HashMap<String, Weak<OfApp>>>>);

struct OfApp {
    turn: tokio::sync::Mutex<()>,
    places: Arc<Semaphore>,
}

impl Changes {
    /// Waits for the app's turn and carries a change out, whether or not the caller still listens: what it reads is what it
    /// changes, and memory and database learn of it together.
    pub(super) async fn carry_out<T: Send + 'static>(
        &self,
        app: &str,
        change: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let of_app = self.of_app(app);
        let place = of_app.places.clone().try_acquire_owned().map_err(|_| {
            ApiError::Unavailable(format!("{OF_ONE_APP} changes of this app wait already; send this one again later"))
        })?;
        let in_turn = async move {
            let _place = place;
            let _turn = of_app.turn.lock().await;
            change.await
        };
        to_the_end(in_turn).await
    }

    fn of_app(&self, app: &str) -> Arc<OfApp> {
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        apps.retain(|_, of_app| of_app.strong_count() > 0);
        if let Some(of_app) = apps.get(app).and_then(Weak::upgrade) {
            return of_app;
        }
        let of_app =
            Arc::new(OfApp { turn: tokio::sync::Mutex::default(), places: Arc::new(Semaphore::new(OF_ONE_APP)) });
        apps.insert(app.to_owned(), Arc::downgrade(&of_app));
        of_app
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_change_ends_without_its_caller_and_before_the_next_one() {
        let (changes, done) = (Changes::default(), Arc::new(AtomicUsize::new(0)));
        let (go_on, told) = oneshot::channel::<()>();
        let counted = done.clone();
        let first = changes.carry_out("demo", async move {
            told.await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst)
        });
        // The caller goes away after it has begun.
        let mut first = Box::pin(first);
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        let counted = done.clone();
        let second = changes.carry_out("demo", async move { counted.fetch_add(1, Ordering::SeqCst) });
        let other = changes.carry_out("another", async {});
        other.await.ok().unwrap();
        let (second, ()) = tokio::join!(second, async { go_on.send(()).unwrap() });
        assert_eq!(second.ok().unwrap(), 1, "it came before the first one");
        assert_eq!(done.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn callers_that_go_away_do_not_pile_changes_up() {
        let changes = Changes::default();
        for _ in 0..OF_ONE_APP {
            let mut endless = Box::pin(changes.carry_out("demo", std::future::pending::<()>()));
            assert!(futures::poll!(&mut endless).is_pending());
        }
        assert!(matches!(changes.carry_out("demo", async {}).await, Err(ApiError::Unavailable(_))));
        assert!(changes.carry_out("another", async {}).await.is_ok());
    }
}
