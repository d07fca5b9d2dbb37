//! The locks of those files that `tests/models` compiles too: there a scheduler stands behind them that tries orders of events.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
