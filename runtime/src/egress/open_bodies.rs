//! The bodies that a call has open, which end with it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::WasiBody;

/// The permits that a request holds until its response was read.
pub(super) type RequestPermits = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// A body, and the resources that it holds while it is open.
pub(super) struct Open {
    pub(super) body: WasiBody,
    /// Of the task that waits for the next piece.
    pub(super) waiting: Option<Waker>,
    pub(super) _permits: Option<RequestPermits>,
}

/// Empty once it is closed.
pub(super) type Slot = Mutex<Option<Open>>;

/// The bodies that a call has open.
pub(super) struct OpenBodies(Mutex<Bodies>);

enum Bodies {
    OfCall(Vec<Weak<Slot>>),
    /// The call ended: nothing is opened any more.
    Closed,
}

impl Default for OpenBodies {
    fn default() -> Self {
        Self(Mutex::new(Bodies::OfCall(Vec::new())))
    }
}

impl fmt::Debug for OpenBodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenBodies")
    }
}

impl OpenBodies {
    pub(super) fn open(&self, open: Open) -> Arc<Slot> {
        let slot = Arc::new(Mutex::new(Some(open)));
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // As many as the call may send requests, twice.
            Bodies::OfCall(slots) => slots.push(Arc::downgrade(&slot)),
            Bodies::Closed => drop(locked(&slot).take()),
        }
        slot
    }

    pub(super) fn close(&self) {
        let bodies = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Bodies::Closed);
        if let Bodies::OfCall(slots) = bodies {
            for slot in slots.iter().filter_map(Weak::upgrade) {
                let open = locked(&slot).take();
                // The connection would wait for the rest of a request until the server loses patience.
                if let Some(waiting) = open.and_then(|open| open.waiting) {
                    waiting.wake();
                }
            }
        }
    }
}

pub(super) fn locked(slot: &Slot) -> MutexGuard<'_, Option<Open>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
