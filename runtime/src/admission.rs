//! Who may run now: a permit before any work is done.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for calls that run at the same time, and a bounded queue before them, first come, first served.
#[derive(Debug)]
// On cache lines of its own: all processors write to it, and would take what lies beside it from each other.
#[repr(align(128))]
pub(crate) struct Admission {
    places: Semaphore,
    waiting: AtomicU32,
    queue: u32,
}

/// The queue is full; the caller is told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Admission {
    pub(crate) fn new(concurrency: u32, queue: u32) -> Self {
        Self { places: Semaphore::new(concurrency as usize), waiting: AtomicU32::new(0), queue }
    }

    /// Waits for a place as long as the caller has it wait: the deadline of the call is looked at from outside.
    pub(crate) async fn admit(&self) -> Result<SemaphorePermit<'_>, QueueFull> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::begin(&self.waiting, self.queue).ok_or(QueueFull)?;
        // Nobody closes the semaphore; were it closed, there would be no room.
        self.places.acquire().await.map_err(|_| QueueFull)
    }

    pub(crate) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Counts a waiter for as long as it lives, also when its caller goes away.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicU32, limit: u32) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count + 1))
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_call_beyond_places_and_queue_is_refused_at_once() {
        let admission = Admission::new(1, 0);
        let _running = admission.admit().await.unwrap();
        assert_eq!(admission.admit().await.err(), Some(QueueFull));
    }

    #[tokio::test]
    async fn a_call_that_waits_gets_the_place_that_becomes_free() {
        let admission = Admission::new(1, 1);
        let running = admission.admit().await.unwrap();
        let (waited, ()) = tokio::join!(admission.admit(), async { drop(running) });
        assert!(waited.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_while_it_waits_frees_the_queue() {
        let admission = Admission::new(1, 1);
        let _running = admission.admit().await.unwrap();
        for _ in 0..2 {
            assert!(timeout(Duration::from_millis(20), admission.admit()).await.is_err(), "it waits");
            assert_eq!(admission.waiting(), 0);
        }
    }
}
