//! What the files know as locks. Those of tokio are first come, first served, as the semaphore below is: shuttle's own
//! stand-in for tokio (`shuttle-tokio`) builds on it too, and brings a benchmark library along.

use std::marker::PhantomData;
use std::ops::{Add, Deref, Sub};
pub use std::sync::PoisonError;
use std::time::Duration;

use shuttle::future::batch_semaphore::{AcquireError, BatchSemaphore, Fairness};
use shuttle::sync::atomic::Ordering;
pub use shuttle::sync::atomic::{AtomicU32, AtomicU64};
pub use shuttle::sync::{Mutex, MutexGuard};

/// In place of `std::sync::Arc`, whose counts are events too: others may go on right before one is dropped.
#[derive(Debug, Default)]
pub struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    /// The first reference to a value.
    pub fn new(value: T) -> Self {
        Self(std::sync::Arc::new(value))
    }
}

impl<T> Arc<T> {
    /// True for two references to one value.
    pub fn ptr_eq(one: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&one.0, &other.0)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            shuttle::thread::yield_now();
        }
    }
}

shuttle::lazy_static! {
    static ref SECONDS: AtomicU64 = AtomicU64::new(0);
}

/// In place of `tokio::time::Instant`. Each order of events begins at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// As far as time has passed.
    pub fn now() -> Self {
        Self(Duration::from_secs(SECONDS.load(Ordering::SeqCst)))
    }

    /// Lets time pass.
    pub fn pass(seconds: u64) {
        SECONDS.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// In place of `tokio::sync::Mutex`, as far as it guards no value.
#[derive(Debug)]
pub struct AsyncMutex<T> {
    place: BatchSemaphore,
    value: PhantomData<T>,
}

impl<T> Default for AsyncMutex<T> {
    fn default() -> Self {
        Self { place: BatchSemaphore::new(1, Fairness::StrictlyFair), value: PhantomData }
    }
}

impl<T> Arc<AsyncMutex<T>> {
    /// Waits for the lock.
    pub async fn lock_owned(self) -> OwnedMutexGuard<T> {
        // It is never closed.
        let _ = self.place.acquire(1).await;
        OwnedMutexGuard(self)
    }
}

/// In place of `tokio::sync::OwnedMutexGuard`.
#[derive(Debug)]
pub struct OwnedMutexGuard<T>(Arc<AsyncMutex<T>>);

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.0.place.release(1);
    }
}

/// In place of `tokio::sync::Semaphore`.
#[derive(Debug)]
pub struct Semaphore(BatchSemaphore);

/// In place of `tokio::sync::SemaphorePermit`.
#[derive(Debug)]
pub struct SemaphorePermit<'a>(&'a Semaphore);

impl Semaphore {
    /// With so many permits.
    pub fn new(permits: usize) -> Self {
        Self(BatchSemaphore::new(permits, Fairness::StrictlyFair))
    }

    /// Waits for one.
    ///
    /// # Errors
    /// It was closed.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.0.acquire(1).await.map(|()| SemaphorePermit(self))
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.0.0.release(1);
    }
}

/// In place of `tokio::sync::oneshot`.
pub mod oneshot {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, Waker};

    /// No task runs while it is looked at: it needs no stand-in itself.
    #[derive(Debug)]
    struct Slot<T> {
        value: Option<T>,
        waiting: Option<Waker>,
    }

    /// Gives the value.
    #[derive(Debug)]
    pub struct Sender<T>(Arc<Mutex<Slot<T>>>);

    /// Gets the value.
    #[derive(Debug)]
    pub struct Receiver<T>(Arc<Mutex<Slot<T>>>);

    /// Both ends.
    pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let slot = Arc::new(Mutex::new(Slot { value: None, waiting: None }));
        (Sender(slot.clone()), Receiver(slot))
    }

    fn locked<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    impl<T> Sender<T> {
        /// Gives it.
        ///
        /// # Errors
        /// The receiver is gone.
        pub fn send(self, value: T) -> Result<(), T> {
            if Arc::strong_count(&self.0) == 1 {
                return Err(value);
            }
            let mut slot = locked(&self.0);
            slot.value = Some(value);
            let waiting = slot.waiting.take();
            drop(slot);
            if let Some(waiting) = waiting {
                waiting.wake();
            }
            Ok(())
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, Infallible>;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let mut slot = locked(&self.0);
            match slot.value.take() {
                Some(value) => Poll::Ready(Ok(value)),
                None => {
                    slot.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }
    }
}
