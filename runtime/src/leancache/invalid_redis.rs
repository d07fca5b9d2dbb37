//! Why a Redis cannot be used.

use thiserror::Error;

/// No Redis can be reached like this. Repeats no password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidRedis {
    /// No URL of a Redis.
    #[error(
        "the Redis URL cannot be used: {0}; expected `redis://[user:password@]host:port[/database]`, or \
         `redis-cluster://[user:password@]host:port,host:port` for a cluster, or the same with `rediss` for TLS"
    )]
    Url(String),
    /// A file that does not hold what it should.
    #[error("the file of `{flag}` cannot be used: {problem}; it must be PEM")]
    Certificates {
        /// Which file.
        flag: &'static str,
        /// The fault.
        problem: String,
    },
    /// Files for nothing.
    #[error("certificates are for Redis over TLS only; write the URL as `rediss://…`, or leave the files out")]
    CertificatesWithoutTls,
}
