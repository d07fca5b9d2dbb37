//! Flags that name a database.

use std::path::PathBuf;

use clap::Args;
use hookd_im_store::postgres::PostgresAddress;

use crate::exit::InputError;
use crate::secrets::SecretParser;

/// The database of the IM core.
#[derive(Clone, Debug, Default, Args)]
pub struct DatabaseFlags {
    /// PostgreSQL database for messages, conversations, settings and waiting calls:
    /// `postgres://user:password@host:port/database`; `?sslmode=disable` or `?sslmode=require` where it matters [default: the
    /// file `im.db` in the data folder].
    #[arg(long, env = "HOOKD_DATABASE_URL", value_name = "URL", hide_env_values = true, value_parser = SecretParser::DATABASE_URL)]
    database_url: Option<String>,
    /// Authorities that may have signed the database's certificate (PEM) [default: those that the system trusts].
    #[arg(long, env = "HOOKD_DATABASE_CA_FILE", value_name = "FILE")]
    database_ca_file: Option<PathBuf>,
}

impl DatabaseFlags {
    /// These flags, and for absent ones the flags of `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            database_url: self.database_url.or(other.database_url),
            database_ca_file: self.database_ca_file.or(other.database_ca_file),
        }
    }

    /// The database, if a URL is given. Reads the file.
    ///
    /// # Errors
    /// The URL is not valid, or the file cannot be read or used.
    pub fn address(&self) -> Result<Option<PostgresAddress>, InputError> {
        let Some(url) = &self.database_url else { return Ok(None) };
        let authorities = match &self.database_ca_file {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                let shown = path.display();
                InputError::new(format!("cannot read `{shown}`, the file of `--database-ca-file`: {error}"))
            })?),
        };
        let address = PostgresAddress::new(url, authorities.as_deref());
        address.map(Some).map_err(|error| InputError::new(error.to_string()))
    }
}
