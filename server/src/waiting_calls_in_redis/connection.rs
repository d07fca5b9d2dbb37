//! The connection to Redis, for a few commands at the start.

use std::time::Duration;

use api_types::clock_is_before_1970;
use hookd_im_core::store::StoreError;
use hookd_runtime::RedisAddress;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, FromRedisValue, RedisError};
use thiserror::Error;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// How long one command may take, and connecting.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why calls stay in Redis for now.
#[derive(Debug, Error)]
pub(super) enum TakeOverError {
    #[error("Redis cannot be used")]
    Redis(#[from] RedisError),
    #[error("Redis did not answer in time")]
    TimedOut(#[from] Elapsed),
    #[error("the clock of the server is before 1970")]
    ClockBefore1970,
    #[error("no Redis is named")]
    NoRedis,
    #[error("another node took the lock")]
    LockLost,
    #[error("calls are in the table and still in Redis: those that are made until the next start are made again then")]
    NotDeleted(#[source] Box<Self>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn open(redis: &RedisAddress) -> Result<Self, TakeOverError> {
        // The client would panic when it checks the certificate.
        if redis.certificates().is_some() && clock_is_before_1970() {
            return Err(TakeOverError::ClockBefore1970);
        }
        timeout(DEADLINE, Self::connect(redis)).await?
    }

    async fn connect(redis: &RedisAddress) -> Result<Self, TakeOverError> {
        if redis.is_cluster() {
            let mut builder = ClusterClientBuilder::new(redis.nodes().to_vec())
                .connection_timeout(DEADLINE)
                .response_timeout(DEADLINE)
                .retries(1);
            if let Some(certificates) = redis.certificates() {
                builder = builder.certs(certificates.clone());
            }
            return Ok(Self::Cluster(builder.build()?.get_async_connection().await?));
        }
        let node = redis.nodes().first().ok_or(TakeOverError::NoRedis)?;
        Ok(Self::Single(Client::open(node.clone())?.get_multiplexed_async_connection().await?))
    }

    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, TakeOverError> {
        let answering = async {
            match self {
                Self::Single(connection) => command.query_async(&mut connection.clone()).await,
                Self::Cluster(connection) => command.query_async(&mut connection.clone()).await,
            }
        };
        Ok(timeout(DEADLINE, answering).await??)
    }
}
