//! LeanCache: the Redis of an app, seen by its functions.
//!
//! Commands are checked against an allow-list (`hookd-leancache`), and every key gets the app's prefix here, so no app can
//! name another one's keys. What carries commands out is a [`CacheBackend`]: Redis, a Redis Cluster, or the store in this
//! process where no URL is configured.

mod budget;
mod config;
mod embedded;
mod invalid_redis;
mod redis;
mod scripts;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hookd_leancache::{Command, Refusal, Reply};
use metrics::{Counter, Histogram, counter, histogram};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::budget::CacheBudget;
pub use self::config::{CacheConfig, RedisAddress};
use self::embedded::EmbeddedCache;
pub use self::invalid_redis::InvalidRedis;
use self::redis::RedisCache;
pub use self::tls::{RedisCertificates, redis_certificate_fix};

/// Longest wait for Redis. Its commands take well under a millisecond: a longer wait means that it is lost, and a
/// function needs to learn of that while it can still answer.
const COMMANDS_TIMEOUT: Duration = Duration::from_secs(2);

/// Why commands were not answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CacheError {
    /// Not offered, or not well formed. None of the commands was carried out.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// More commands than one call may send. None of these was carried out.
    #[error("the call sent more than its limit `cache_commands` of {limit} commands to LeanCache")]
    TooManyCommands {
        /// The limit.
        limit: u32,
    },
    /// More data than one call may send and receive. Some of the commands may have been carried out.
    #[error("the call exchanged more than its limit `cache_bytes` of {limit} bytes with LeanCache")]
    TooManyBytes {
        /// The limit.
        limit: usize,
    },
    /// No answer in time. Some of the commands may have been carried out.
    #[error("LeanCache did not answer within {} ms", waited.as_millis())]
    TimedOut {
        /// How long the answer was awaited.
        waited: Duration,
    },
    /// Redis cannot be reached, or cannot serve now. Some of the commands may have been carried out.
    #[error("LeanCache is not available: {reason}")]
    Unavailable {
        /// Why, without the operator's addresses: functions and their callers see it.
        reason: String,
    },
    /// The module's definitions are being read.
    #[error("LeanCache is available to calls only, not while a module's definitions are read")]
    OutsideOfCall,
}

/// Carries checked commands out.
#[async_trait]
trait CacheBackend: Send + Sync {
    /// The replies in the order of the commands; stops where they would exceed `reply_bytes` together. May be dropped at
    /// any await: the caller has a deadline.
    async fn run(&self, app: &str, commands: &[Command], reply_bytes: usize) -> Result<Vec<Reply>, BackendError>;

    /// Deletes all keys of an app.
    async fn clear(&self, app: &str) -> Result<(), BackendError>;
}

/// Why a backend did not answer.
#[derive(Debug)]
enum BackendError {
    RepliesTooLarge,
    Unavailable {
        /// For functions and their callers.
        reason: String,
        /// For the operator.
        cause: String,
    },
}

/// The cache of all apps.
pub(crate) struct LeanCache {
    backend: Box<dyn CacheBackend>,
    metrics: CacheMetrics,
    /// Redis can be away; the store in this process is only busy with other commands of the same app.
    can_be_away: bool,
    /// So that the log reports an outage twice, and not once for every command.
    is_down: AtomicBool,
}

impl LeanCache {
    /// Connects on first use: a Redis that is down does not keep the engine from starting.
    pub(crate) fn open(config: &CacheConfig) -> Arc<Self> {
        let backend: Box<dyn CacheBackend> = match config {
            CacheConfig::Embedded { bytes_per_app } => Box::new(EmbeddedCache::new(*bytes_per_app)),
            CacheConfig::Redis(address) => Box::new(RedisCache::new(address.clone())),
        };
        let can_be_away = matches!(config, CacheConfig::Redis(_));
        Arc::new(Self { backend, metrics: CacheMetrics::new(), can_be_away, is_down: AtomicBool::new(false) })
    }

    /// Deletes all keys of an app.
    pub(crate) async fn clear(&self, app: &str, deadline: Instant) -> Result<(), CacheError> {
        let asked = Instant::now();
        match timeout_at(deadline, self.backend.clear(app)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(BackendError::Unavailable { reason, .. })) => Err(CacheError::Unavailable { reason }),
            Ok(Err(BackendError::RepliesTooLarge)) | Err(_) => Err(CacheError::TimedOut { waited: asked.elapsed() }),
        }
    }

    fn note_answer(&self) {
        if self.is_down.load(Ordering::Relaxed) && self.is_down.swap(false, Ordering::Relaxed) {
            tracing::info!("LeanCache answers again");
        }
    }

    fn note_outage(&self, cause: &str) {
        if !self.is_down.swap(true, Ordering::Relaxed) {
            tracing::warn!(cause, "LeanCache does not answer; functions that use it fail until it does");
        }
    }
}

/// Handles fetched once, as looking a metric up costs more than counting.
struct CacheMetrics {
    commands: Counter,
    refused: Counter,
    exceeded: Counter,
    unavailable: Counter,
    duration: Histogram,
}

impl CacheMetrics {
    fn new() -> Self {
        let failures = |cause: &'static str| counter!("hookd_cache_failures_total", "cause" => cause);
        Self {
            commands: counter!("hookd_cache_commands_total"),
            refused: failures("refused"),
            exceeded: failures("exceeded"),
            unavailable: failures("unavailable"),
            duration: histogram!("hookd_cache_duration_seconds"),
        }
    }

    fn record(&self, error: &CacheError) {
        match error {
            CacheError::Refused(_) | CacheError::OutsideOfCall => &self.refused,
            CacheError::TooManyCommands { .. } | CacheError::TooManyBytes { .. } => &self.exceeded,
            CacheError::TimedOut { .. } | CacheError::Unavailable { .. } => &self.unavailable,
        }
        .increment(1);
    }
}
