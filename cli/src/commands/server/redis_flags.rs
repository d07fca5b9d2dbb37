//! Flags that name a Redis.

use std::path::{Path, PathBuf};

use clap::Args;
use hookd_runtime::{RedisAddress, RedisCertificates};

use crate::exit::InputError;
use crate::secrets::SecretParser;

/// The address of Redis, and the certificates for TLS.
#[derive(Clone, Debug, Default, Args)]
pub struct RedisFlags {
    /// Redis for LeanCache: `redis://host:port`, or `redis-cluster://host:port,host:port`; `rediss://` and
    /// `rediss-cluster://` for TLS. Without it LeanCache is in memory, and empty after a restart. Calls of notification hooks
    /// that an earlier version left in Redis are taken over.
    #[arg(long, env = "HOOKD_REDIS_URL", value_name = "URL", hide_env_values = true, value_parser = SecretParser::REDIS_URL)]
    redis_url: Option<String>,
    /// Authorities that may have signed Redis's certificate (PEM) [default: those that the system trusts].
    #[arg(long, env = "HOOKD_REDIS_CA_FILE", value_name = "FILE")]
    redis_ca_file: Option<PathBuf>,
    /// Certificate of hookd for Redis (PEM); Redis asks for it unless its `tls-auth-clients` is `no`.
    #[arg(long, env = "HOOKD_REDIS_CERT_FILE", value_name = "FILE")]
    redis_cert_file: Option<PathBuf>,
    /// Private key of that certificate (PEM).
    #[arg(long, env = "HOOKD_REDIS_KEY_FILE", value_name = "FILE")]
    redis_key_file: Option<PathBuf>,
}

impl RedisFlags {
    /// These flags, and for absent ones the flags of `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            redis_url: self.redis_url.or(other.redis_url),
            redis_ca_file: self.redis_ca_file.or(other.redis_ca_file),
            redis_cert_file: self.redis_cert_file.or(other.redis_cert_file),
            redis_key_file: self.redis_key_file.or(other.redis_key_file),
        }
    }

    /// The Redis, if a URL is given. Reads the files.
    ///
    /// # Errors
    /// The URL is not valid, or a file cannot be read or used.
    pub fn address(&self) -> Result<Option<RedisAddress>, InputError> {
        let authorities = read("--redis-ca-file", self.redis_ca_file.as_deref())?;
        let certificate = read("--redis-cert-file", self.redis_cert_file.as_deref())?;
        let key = read("--redis-key-file", self.redis_key_file.as_deref())?;
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(InputError::new("`--redis-cert-file` and `--redis-key-file` go together; give both")),
        };
        let Some(url) = &self.redis_url else { return Ok(None) };
        let address = RedisAddress::new(url, RedisCertificates { authorities, own });
        address.map(Some).map_err(|error| InputError::new(error.to_string()))
    }
}

fn read(flag: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>, InputError> {
    let Some(path) = path else { return Ok(None) };
    let read = std::fs::read(path);
    let problem = |error| InputError::new(format!("cannot read `{}`, the file of `{flag}`: {error}", path.display()));
    read.map(Some).map_err(problem)
}
