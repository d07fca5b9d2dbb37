//! The rows of versions and releases.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::super::{Deployed, KeptVersion, MetadataError, NewRelease, NewVariables, VersionRow};
use super::columns::{from_json, time, to_json, word};
use crate::clock::now_ms;
use crate::modules::ModuleHash;
use crate::releases::{Attribution, KEPT_RELEASES, PastRelease, Release, ReleaseAct, Version};
use api_types::{Environment, Isolation};

/// The version that is live in an environment.
pub(super) fn live(
    connection: &mut Connection,
    app_id: &str,
    environment: Environment,
) -> Result<Option<VersionRow>, MetadataError> {
    let found = connection
        .query_row(
            "SELECT
                 versions.number, versions.module, versions.definitions, versions.isolation, versions.variables
             FROM releases
             JOIN versions ON versions.app_id = releases.app_id AND versions.number = releases.version
             WHERE releases.app_id = ?1 AND releases.environment = ?2
             ORDER BY releases.id DESC
             LIMIT 1",
            params![app_id, environment.name()],
            version_columns,
        )
        .optional()?;
    found.map(version_row).transpose()
}

pub(super) fn version(
    connection: &mut Connection,
    app_id: &str,
    number: u64,
) -> Result<Option<VersionRow>, MetadataError> {
    // The database has no number so great, and so no version.
    if i64::try_from(number).is_err() {
        return Ok(None);
    }
    let found = connection
        .query_row(
            "SELECT number, module, definitions, isolation, variables
             FROM versions
             WHERE app_id = ?1 AND number = ?2",
            params![app_id, number],
            version_columns,
        )
        .optional()?;
    found.map(version_row).transpose()
}

/// A version with all that is recorded about it.
pub(super) fn version_in_full(
    connection: &mut Connection,
    app_id: &str,
    number: u64,
) -> Result<Option<Version>, MetadataError> {
    let Some(row) = version(connection, app_id, number)? else { return Ok(None) };
    let releases = releases(connection, app_id, u32::MAX, Some(number))?;
    let found = connection
        .query_row(
            "SELECT size_bytes, created_at_ms FROM versions WHERE app_id = ?1 AND number = ?2",
            params![app_id, number],
            |columns| Ok((columns.get(0)?, time(columns, 1)?)),
        )
        .optional()?;
    Ok(found.map(|(size_bytes, created_at)| Version {
        number,
        module: row.module.0,
        size_bytes,
        definitions: row.definitions,
        isolation: row.isolation,
        variables: row.variables,
        created_at,
        releases,
    }))
}

/// Numbers of the oldest and the newest version that are kept; `None` when there is none.
pub(super) fn known_versions(connection: &mut Connection, app_id: &str) -> Result<Option<(u64, u64)>, MetadataError> {
    let sql = "SELECT min(number), max(number) FROM versions WHERE app_id = ?1 HAVING count(*) > 0";
    Ok(connection.query_row(sql, [app_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Every act that made a version live in production, oldest first.
pub(super) fn production_acts(
    connection: &mut Connection,
    app_id: &str,
) -> Result<Vec<(ReleaseAct, u64)>, MetadataError> {
    let mut statement = connection.prepare(
        "SELECT act, version
         FROM releases
         WHERE app_id = ?1 AND environment = 'production'
         ORDER BY id",
    )?;
    let rows = statement.query_map([app_id], |row| Ok((word(row, 0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest releases in all environments, newest first; those of one version, or of all.
pub(super) fn releases(
    connection: &mut Connection,
    app_id: &str,
    limit: u32,
    version: Option<u64>,
) -> Result<Vec<PastRelease>, MetadataError> {
    let mut statement = connection.prepare(
                "SELECT
             versions.number, versions.module, versions.definitions, versions.isolation, versions.variables,
             versions.size_bytes, releases.environment, releases.act, releases.created_at_ms, releases.author, releases.message,
             releases.id = (
                 SELECT max(id) FROM releases AS newest
                 WHERE newest.app_id = releases.app_id AND newest.environment = releases.environment
             )
         FROM releases
         JOIN versions ON versions.app_id = releases.app_id AND versions.number = releases.version
         WHERE releases.app_id = ?1 AND releases.version = coalesce(?2, releases.version)
         ORDER BY releases.id DESC
         LIMIT ?3",
            )?;
    let rows = statement.query_map(params![app_id, version, limit], |row| {
        let past = (row.get(5)?, word(row, 7)?, time(row, 8)?, row.get(9)?, row.get(10)?, row.get(11)?);
        Ok((version_columns(row)?, word(row, 6)?, past))
    })?;
    rows.map(|row| {
        let (version, environment, (size_bytes, act, at, author, message, is_live)) = row?;
        let version = version_row(version)?;
        let release = Release {
            app_id: app_id.to_owned(),
            environment,
            version: version.number,
            module: version.module.0,
            isolation: version.isolation,
            definitions: version.definitions,
        };
        Ok(PastRelease { release, act, at, size_bytes, author, message, is_live })
    })
    .collect()
}

/// Records a new version and its release in one transaction.
pub(super) fn deploy(connection: &mut Connection, release: &NewRelease) -> Result<Deployed, MetadataError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = next_number(&transaction, &release.app_id)?;
    transaction.execute(
        "INSERT INTO versions
             (app_id, number, module, size_bytes, definitions, isolation, variables, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            release.app_id,
            number,
            release.module.0,
            release.size_bytes,
            to_json("versions.definitions", &release.definitions)?,
            release.isolation.name(),
            to_json("versions.variables", &release.variables)?,
            now_ms()
        ],
    )?;
    let act = ReleaseAct::Deploy;
    insert_release(&transaction, &release.app_id, release.environment, number, act, &release.by)?;
    for version in &release.forget {
        let sql = "DELETE FROM releases WHERE app_id = ?1 AND version = ?2";
        transaction.execute(sql, params![release.app_id, version])?;
    }
    let forgot_versions = forget(&transaction, &release.app_id)?;
    transaction.commit()?;
    Ok(Deployed { number, forgot_versions })
}

/// Records an app's variables, and a new version with them for each live one, in one transaction; answers the
/// numbers. A version that is live in both environments has one successor.
pub(super) fn change_variables(
    connection: &mut Connection,
    new: &NewVariables,
) -> Result<Vec<(Environment, u64)>, MetadataError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let variables = to_json("apps.variables", &new.variables)?;
    transaction.execute("UPDATE apps SET variables = ?2 WHERE id = ?1", params![new.app_id, variables])?;
    let mut successors: Vec<(u64, u64)> = Vec::new();
    let mut released = Vec::new();
    for &(environment, live) in &new.live {
        let made = successors.iter().find(|(before, _)| *before == live).map(|(_, number)| *number);
        let number = match made {
            Some(number) => number,
            None => {
                let number = next_number(&transaction, &new.app_id)?;
                transaction.execute(
                    "INSERT INTO versions
                         (app_id, number, module, size_bytes, definitions, isolation, variables, created_at_ms)
                     SELECT app_id, ?3, module, size_bytes, definitions, isolation, ?4, ?5
                     FROM versions
                     WHERE app_id = ?1 AND number = ?2",
                    params![new.app_id, live, number, variables, now_ms()],
                )?;
                successors.push((live, number));
                number
            }
        };
        insert_release(&transaction, &new.app_id, environment, number, ReleaseAct::Env, &new.by)?;
        released.push((environment, number));
    }
    forget(&transaction, &new.app_id)?;
    transaction.commit()?;
    Ok(released)
}

/// Records that an existing version became live.
pub(super) fn release(
    connection: &mut Connection,
    app_id: &str,
    environment: Environment,
    version: u64,
    act: ReleaseAct,
    by: &Attribution,
) -> Result<(), MetadataError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert_release(&transaction, app_id, environment, version, act, by)?;
    forget(&transaction, app_id)?;
    transaction.commit()?;
    Ok(())
}

/// The versions of an app, newest first.
pub(super) fn kept_versions(connection: &mut Connection, app_id: &str) -> Result<Vec<KeptVersion>, MetadataError> {
    let sql = "SELECT number, module, size_bytes FROM versions WHERE app_id = ?1 ORDER BY number DESC";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([app_id], |row| {
        Ok(KeptVersion { number: row.get(0)?, module: ModuleHash(row.get(1)?), size_bytes: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The modules of all versions of all apps.
pub(super) fn modules_in_use(connection: &mut Connection) -> Result<HashSet<ModuleHash>, MetadataError> {
    let mut statement = connection.prepare("SELECT DISTINCT module FROM versions")?;
    let rows = statement.query_map([], |row| Ok(ModuleHash(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Never one that was given before: the newest version is kept for as long as its app.
fn next_number(transaction: &Transaction<'_>, app_id: &str) -> Result<u64, MetadataError> {
    let sql = "SELECT coalesce(max(number), 0) + 1 FROM versions WHERE app_id = ?1";
    Ok(transaction.query_row(sql, [app_id], |row| row.get(0))?)
}

fn insert_release(
    transaction: &Transaction<'_>,
    app_id: &str,
    environment: Environment,
    version: u64,
    act: ReleaseAct,
    by: &Attribution,
) -> Result<(), MetadataError> {
    transaction.execute(
        "INSERT INTO releases (app_id, environment, version, act, created_at_ms, author, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![app_id, environment.name(), version, act.name(), now_ms(), by.author(), by.message()],
    )?;
    Ok(())
}

/// Drops releases beyond the newest [`KEPT_RELEASES`] of each environment, and versions that no release names any more;
/// true when there were such versions.
fn forget(transaction: &Transaction<'_>, app_id: &str) -> Result<bool, MetadataError> {
    for environment in [Environment::Production, Environment::Staging] {
        transaction.execute(
            "DELETE FROM releases
             WHERE app_id = ?1 AND environment = ?2 AND id <= (
         SELECT id FROM releases WHERE app_id = ?1 AND environment = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3
             )",
            params![app_id, environment.name(), KEPT_RELEASES],
        )?;
    }
    let forgotten = transaction.execute(
        "DELETE FROM versions
         WHERE app_id = ?1
           AND number NOT IN (SELECT version FROM releases WHERE app_id = ?1)
           AND number < (SELECT max(number) FROM versions WHERE app_id = ?1)",
        [app_id],
    )?;
    Ok(forgotten > 0)
}

type VersionColumns = (u64, String, String, Isolation, String);

fn version_columns(row: &Row<'_>) -> rusqlite::Result<VersionColumns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, word(row, 3)?, row.get(4)?))
}

fn version_row(columns: VersionColumns) -> Result<VersionRow, MetadataError> {
    let (number, module, definitions, isolation, variables) = columns;
    let definitions = from_json("versions.definitions", &definitions)?;
    let variables = from_json("versions.variables", &variables)?;
    Ok(VersionRow { number, module: ModuleHash(module), definitions, isolation, variables })
}
