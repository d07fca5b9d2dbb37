//! The locks of the files that `tests/models` compiles too. There a scheduler replaces them and tries orders of events.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
