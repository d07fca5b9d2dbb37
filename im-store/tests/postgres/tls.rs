//! TLS between a node and the database.

use std::error::Error;

use hookd_im_core::store::StoreError;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_postgres_server::PostgresServer;

use crate::world::{create, say};

fn over_tls(server: &PostgresServer, authorities: Option<&str>) -> PostgresAddress {
    let url = format!("{}?sslmode=require", server.url());
    PostgresAddress::new(&url, authorities.map(str::as_bytes)).unwrap()
}

/// The kind of error, and its causes.
async fn refused(address: &PostgresAddress) -> String {
    let Err(error) = PostgresStore::open(address).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let causes = std::iter::successors(Some(&error as &dyn Error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_certificate_of_a_known_authority_is_trusted_and_the_connection_encrypted() {
    let (server, authority) = PostgresServer::start_with_tls("127.0.0.1");
    let store = PostgresStore::open(&over_tls(&server, Some(&authority))).await.unwrap();
    let conversation = create(&store).await;
    say(&store, &conversation, "hi").await.unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'hookd'";
    assert_eq!(server.sql(encrypted), "t");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (server, _) = PostgresServer::start_with_tls("127.0.0.1");
    let told = refused(&over_tls(&server, None)).await;
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, authority) = PostgresServer::start_with_tls("db.example.org");
    let told = refused(&over_tls(&server, Some(&authority))).await;
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let server = PostgresServer::start();
    let (_, authority) = PostgresServer::start_with_tls("127.0.0.1");
    let told = refused(&over_tls(&server, Some(&authority))).await;
    assert!(told.to_lowercase().contains("tls"), "{told}");
}
