//! The locks and the clock of the files that `tests/models` compiles too. There a scheduler replaces them and tries orders of events.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
pub(crate) use tokio::time::Instant;
