//! Who may run now: a permit before any work is done.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Places for calls that run at the same time, and a bounded queue before them, first come, first served.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    waiting: AtomicU32,
    queue: u32,
}

/// Why a call did not get a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The queue is full; the caller is told at once.
    QueueFull,
    /// The deadline passed while waiting.
    DeadlinePassed,
}

impl Admission {
    pub(crate) fn new(concurrency: u32, queue: u32) -> Self {
        Self { places: Semaphore::new(concurrency as usize), waiting: AtomicU32::new(0), queue }
    }

    pub(crate) async fn admit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, NotAdmitted> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::begin(&self.waiting, self.queue).ok_or(NotAdmitted::QueueFull)?;
        match timeout_at(deadline, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // Nobody closes the semaphore; were it closed, there would be no room.
            Ok(Err(_)) => Err(NotAdmitted::QueueFull),
            Err(_) => Err(NotAdmitted::DeadlinePassed),
        }
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

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn a_call_beyond_places_and_queue_is_refused_at_once() {
        let admission = Admission::new(1, 0);
        let _running = admission.admit(soon()).await.unwrap();
        assert_eq!(admission.admit(soon()).await.err(), Some(NotAdmitted::QueueFull));
    }

    #[tokio::test]
    async fn a_call_that_waits_gets_the_place_that_becomes_free() {
        let admission = Admission::new(1, 1);
        let running = admission.admit(soon()).await.unwrap();
        let far = Instant::now() + Duration::from_secs(60);
        let (waited, ()) = tokio::join!(admission.admit(far), async { drop(running) });
        assert!(waited.is_ok());
    }

    #[tokio::test]
    async fn waiting_ends_with_the_deadline_and_frees_the_queue() {
        let admission = Admission::new(1, 1);
        let _running = admission.admit(soon()).await.unwrap();
        assert_eq!(admission.admit(soon()).await.err(), Some(NotAdmitted::DeadlinePassed));
        assert_eq!(admission.admit(soon()).await.err(), Some(NotAdmitted::DeadlinePassed));
    }
}
