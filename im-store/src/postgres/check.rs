//! Whether a database can be used, without changing it.

use std::fmt;
use std::time::Duration;

use hookd_im_core::store::StoreError;
use tokio::time::timeout;

use super::address::PostgresAddress;
use super::columns::column;
use super::pool::Pool;
use super::schema::{KNOWN_SCHEMA, OLDEST_SERVER};

/// A server answers in milliseconds; a longer wait has another cause.
const LIMIT: Duration = Duration::from_secs(4);

/// A database that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedDatabase {
    /// The server's version, such as `15.18`.
    pub server: String,
    /// Why it cannot be used; `None` when it can.
    pub problem: Option<DatabaseProblem>,
}

/// Why a database that answers cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseProblem {
    /// The server is older than any that was tried out.
    OldServer,
    /// Texts are not in UTF-8.
    Encoding,
    /// It takes no writes: a standby.
    ReadOnly,
    /// A newer program has brought it to a schema that this one does not know.
    NewerSchema,
    /// The role may not use the tables, or may not make any, which the first start and some upgrades need.
    NoRights,
}

impl fmt::Display for DatabaseProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OldServer => "the server is too old",
            Self::Encoding => "the encoding of the database is not UTF8",
            Self::ReadOnly => "the server takes no writes: it is a standby",
            Self::NewerSchema => "a newer hookd has used this database",
            Self::NoRights => "the role may not create tables in its schema, or use those that are there",
        })
    }
}

/// Looks at the database.
///
/// # Errors
/// It cannot be reached, or refuses the role.
pub async fn check_database(address: &PostgresAddress) -> Result<CheckedDatabase, StoreError> {
    let timed_out = StoreError::TimedOut { operation: "check the database", limit: LIMIT };
    timeout(LIMIT, look(address)).await.unwrap_or(Err(timed_out))
}

async fn look(address: &PostgresAddress) -> Result<CheckedDatabase, StoreError> {
    let connection = Pool::new(address, 1).connection().await?;
    let Some(row) = connection.row(STATE, &[]).await? else { return Err(StoreError::Closed) };
    let (version, encoding): (i32, String) = (column(&row, 1)?, column(&row, 2)?);
    let (is_standby, may_read_schema, has_rights): (bool, bool, bool) =
        (column(&row, 3)?, column(&row, 4)?, column(&row, 5)?);
    let schema = match may_read_schema {
        true => connection.row("SELECT version FROM schema_version", &[]).await?,
        false => None,
    };
    let schema: i32 = schema.map(|row| column(&row, 0)).transpose()?.unwrap_or(0);
    let problems = [
        (version < OLDEST_SERVER, DatabaseProblem::OldServer),
        (encoding != "UTF8", DatabaseProblem::Encoding),
        (is_standby, DatabaseProblem::ReadOnly),
        (schema > KNOWN_SCHEMA, DatabaseProblem::NewerSchema),
        (!has_rights, DatabaseProblem::NoRights),
    ];
    let problem = problems.into_iter().find_map(|(is_so, problem)| is_so.then_some(problem));
    Ok(CheckedDatabase { server: column(&row, 0)?, problem })
}

const STATE: &str = "
    SELECT
        current_setting('server_version'),
        current_setting('server_version_num')::integer,
        current_setting('server_encoding'),
        pg_is_in_recovery(),
        coalesce(has_table_privilege(to_regclass('schema_version'), 'SELECT'), false),
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
            AND coalesce(has_table_privilege(to_regclass('schema_version'), 'UPDATE'), true)";
