//! Opening: migrations, rights, versions.

use std::error::Error;

use futures::future::join_all;
use hookd_im_core::store::StoreError;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_postgres_server::PostgresServer;

use crate::world::{create, open, say, whole_history};

async fn refused(url: &str) -> StoreError {
    match PostgresStore::open(&PostgresAddress::new(url, None).unwrap()).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

/// With its causes.
fn told(error: &StoreError) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn nodes_that_start_at_once_migrate_once() {
    let server = PostgresServer::start();
    let url = server.url();
    let stores = join_all((0..8).map(|_| open(&url))).await;
    assert_eq!(server.sql("SELECT count(*) FROM schema_version"), "1");
    let conversation = create(&stores[0]).await;
    say(&stores[7], &conversation, "hi").await.unwrap();
    assert_eq!(whole_history(&stores[3], &conversation).await.len(), 1);
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let server = PostgresServer::start();
    drop(open(&server.url()).await);
    server.sql("UPDATE schema_version SET version = 999");
    let error = refused(&server.url()).await;
    assert!(matches!(&error, StoreError::Corrupt { table: "schema_version", .. }), "{error:?}");
    assert!(told(&error).contains("999"), "{error:?}");
}

#[tokio::test]
async fn a_role_without_rights_and_a_wrong_encoding_are_refused_by_name() {
    let server = PostgresServer::start();
    server.sql("CREATE ROLE guest LOGIN");
    let error = refused(&server.url().replace("hookd@", "guest@")).await;
    assert!(told(&error).contains("permission denied"), "{}", told(&error));
    server.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'");
    let error = refused(&server.url().replace("/postgres", "/latin")).await;
    assert!(told(&error).contains("LATIN1"), "{}", told(&error));
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_at_once() {
    let mut server = PostgresServer::start();
    let url = server.url();
    server.kill();
    let error = refused(&url).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    server.start_again();
    let error = refused(&server.url().replace("/postgres", "/nowhere")).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn commits_wait_for_the_disk_whatever_the_server_is_configured_to() {
    let server = PostgresServer::start_with(&["fsync=off", "synchronous_commit=off"]);
    server.sql("ALTER ROLE hookd SET synchronous_commit = off");
    let store = open(&server.url()).await;
    let conversation = create(&store).await;
    server.sql(
        "CREATE TABLE seen AS SELECT 'none' AS setting;
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             UPDATE seen SET setting = current_setting('synchronous_commit');
             RETURN NULL;
         END $$;
         CREATE TRIGGER note AFTER INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION note()",
    );
    say(&store, &conversation, "hi").await.unwrap();
    assert_eq!(server.sql("SELECT setting FROM seen"), "on");
}
