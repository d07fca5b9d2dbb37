//! The locks of those files that `tests/models` compiles too: there a scheduler stands behind them that tries orders of events.

pub(crate) use std::sync::Arc;
pub(crate) use tokio::sync::{Semaphore, SemaphorePermit};
