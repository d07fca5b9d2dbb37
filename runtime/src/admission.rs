//! Permits for calls: a call gets one before any work is done.

mod of_app;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use self::of_app::AppAdmission;

/// Places for calls that run at the same time, and a bounded queue before them, first come, first served.
#[derive(Debug)]
// On cache lines of its own: all processors write to it, and would take what lies beside it from each other.
#[repr(align(128))]
pub(crate) struct Admission {
    places: Semaphore,
    concurrency: AtomicU32,
    /// Places that are taken and are to be none when they come free.
    owed: AtomicU32,
    waiting: AtomicU32,
    queue: AtomicU32,
}

/// A place, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    admission: &'a Admission,
    place: Option<SemaphorePermit<'a>>,
}

/// The queue is full; the caller learns it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Admission {
    pub(crate) fn new(concurrency: u32, queue: u32) -> Self {
        Self {
            places: Semaphore::new(concurrency as usize),
            concurrency: AtomicU32::new(concurrency),
            owed: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            queue: AtomicU32::new(queue),
        }
    }

    /// Gives it other numbers. Calls that run keep their places, and count. Not to be called twice at the same time.
    fn resize(&self, concurrency: u32, queue: u32) {
        self.queue.store(queue, Ordering::Relaxed);
        let before = self.concurrency.swap(concurrency, Ordering::Relaxed);
        if let Some(more) = concurrency.checked_sub(before) {
            let owed =
                self.owed.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |owed| Some(owed.saturating_sub(more)));
            let kept = owed.unwrap_or_default().min(more);
            self.places.add_permits((more - kept) as usize);
        } else {
            let less = before - concurrency;
            let free = u32::try_from(self.places.forget_permits(less as usize)).unwrap_or(less);
            self.owed.fetch_add(less - free, Ordering::AcqRel);
        }
    }

    /// This one, with the numbers of `other`.
    fn resized_as(self: Arc<Self>, other: &Self) -> Arc<Self> {
        self.resize(other.concurrency.load(Ordering::Relaxed), other.queue.load(Ordering::Relaxed));
        self
    }

    /// Waits for a place as long as the caller has it wait: the deadline of the call is looked at from outside.
    pub(crate) async fn admit(&self) -> Result<Admitted<'_>, QueueFull> {
        let admitted = |place| Admitted { admission: self, place: Some(place) };
        if let Ok(place) = self.places.try_acquire() {
            return Ok(admitted(place));
        }
        let _waiting = Waiting::begin(&self.waiting, self.queue.load(Ordering::Relaxed)).ok_or(QueueFull)?;
        // The semaphore is never closed; a closed one would count as full.
        self.places.acquire().await.map(admitted).map_err(|_| QueueFull)
    }

    /// Places that are taken.
    pub(crate) fn running(&self) -> u32 {
        let places = self.concurrency.load(Ordering::Relaxed).saturating_add(self.owed.load(Ordering::Relaxed));
        places.saturating_sub(u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX))
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let owed = &self.admission.owed;
        // Only after the app was given fewer places.
        if owed.load(Ordering::Acquire) > 0
            && owed.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |owed| owed.checked_sub(1)).is_ok()
            && let Some(place) = self.place.take()
        {
            place.forget();
        }
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
    async fn calls_that_run_count_when_the_numbers_change() {
        let admission = Admission::new(3, 0);
        let mut running = Vec::new();
        for _ in 0..3 {
            running.push(admission.admit().await.unwrap());
        }
        admission.resize(1, 0);
        assert_eq!(admission.running(), 3);
        for left in (0..3).rev() {
            assert_eq!(admission.admit().await.err(), Some(QueueFull), "{left}");
            running.pop();
            assert_eq!(admission.running(), left);
        }
        running.push(admission.admit().await.unwrap());
        assert!(admission.admit().await.is_err());
        // To fewer and back: places in use are not given twice.
        admission.resize(2, 0);
        running.push(admission.admit().await.unwrap());
        admission.resize(1, 0);
        admission.resize(2, 0);
        assert_eq!((admission.admit().await.is_err(), admission.running()), (true, 2));
        running.clear();
        assert_eq!((admission.running(), admission.places.available_permits()), (0, 2));
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
