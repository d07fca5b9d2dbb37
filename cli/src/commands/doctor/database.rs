//! PostgreSQL: does it answer, and can it be used.

use std::error::Error;

use hookd_im_store::postgres::{DatabaseProblem, PostgresAddress, check_database};

use super::Finding;
use crate::commands::server::DatabaseFlags;

const DATABASE: &str = "database";

/// The database of the URL; `None` without a URL.
pub(super) async fn check(database: &DatabaseFlags) -> Option<Finding> {
    match database.address() {
        Ok(None) => None,
        Ok(Some(address)) => Some(check_address(&address).await),
        Err(error) => {
            let fix = "write the URL as postgres://user:password@host:port/database";
            Some(Finding::broken(DATABASE, error.to_string(), fix))
        }
    }
}

async fn check_address(address: &PostgresAddress) -> Finding {
    let checked = match check_database(address).await {
        Ok(checked) => checked,
        Err(error) => {
            let fix = "start it, or check address, role and password of `--database-url`";
            return Finding::broken(DATABASE, format!("`{address}`: {}", with_causes(&error)), fix);
        }
    };
    let server = checked.server;
    match checked.problem {
        None => Finding::ok(DATABASE, format!("`{address}` answers: PostgreSQL {server}")),
        Some(problem) => {
            Finding::broken(DATABASE, format!("`{address}`, PostgreSQL {server}: {problem}"), fix(problem))
        }
    }
}

fn fix(problem: DatabaseProblem) -> &'static str {
    match problem {
        DatabaseProblem::OldServer => "use PostgreSQL 14 or newer",
        DatabaseProblem::Encoding => "make one with `createdb --encoding=UTF8 --template=template0`",
        DatabaseProblem::ReadOnly => "give the address of the primary server",
        DatabaseProblem::NewerSchema => "use that newer hookd, or another database",
        DatabaseProblem::NoRights => "make the role the owner of the database, or grant it CREATE on the schema",
    }
}

/// The store's own text says only what kind of error it is.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
