//! App A can neither read, write nor list the keys of app B.

use crate::Backend;

/// Everything that A might try; B's keys are `secret`, `list` and so on.
const ATTEMPTS: &[&str] = &[
    "GET secret",
    "GET hookd:cache:{b}:secret",
    "GET }:secret",
    "GET {b}:secret",
    "GET ../{b}:secret",
    "MGET secret {b}:secret hookd:cache:{b}:secret",
    "SUNION secret-set {b}:secret-set",
    "EXISTS secret {b}:secret",
    "DEL secret {b}:secret hookd:cache:{b}:secret",
    "SET secret stolen",
    "RENAME {b}:secret mine",
    "SMOVE {b}:secret-set mine member",
    "LMOVE {b}:list mine LEFT LEFT",
    "SUNIONSTORE mine {b}:secret-set",
    "EXPIRE {b}:secret 0",
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "DBSIZE",
    "EVAL return 0",
    "SELECT 1",
    "FLUSHALL",
    "COPY {b}:secret mine",
    "SORT mine BY hookd:cache:{b}:*",
    "OBJECT ENCODING secret",
];

async fn check(backend: Backend) {
    let (a, b) = (backend.app("a").await, backend.app("b").await);
    for line in ["SET secret treasure", "SADD secret-set member", "RPUSH list treasure"] {
        b.run(line).await;
    }
    // An app whose id begins like B's, and one whose id ends like it.
    for other in [a, backend.app("b2").await, backend.app("ab").await] {
        for attempt in ATTEMPTS {
            let reply = other.run(attempt).await;
            let seen = reply.contains("treasure") || reply.contains("member");
            assert!(!seen, "{attempt} -> {reply}");
        }
    }
    assert_eq!(b.run("GET secret").await, "'treasure'");
    assert_eq!(b.run("TTL secret").await, "-1");
    assert_eq!(b.run("SMEMBERS secret-set").await, "['member']");
    assert_eq!(b.run("LRANGE list 0 -1").await, "['treasure']");

    backend.test.engine.delete_app("a").await.unwrap();
    assert_eq!(b.run("GET secret").await, "'treasure'", "deleting an app clears its own keys only");
}

#[tokio::test]
async fn apps_are_strangers_in_the_embedded_store() {
    check(Backend::embedded().await).await;
}

#[tokio::test]
async fn apps_are_strangers_in_redis() {
    check(Backend::redis().await).await;
}

#[tokio::test]
async fn apps_are_strangers_in_a_cluster() {
    check(Backend::cluster().await).await;
}
