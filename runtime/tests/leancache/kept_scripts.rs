//! Scripts travel once to each Redis, and again when it forgot them.

use hookd_runtime::NewApp;
use redis::Value;

use crate::redis_server::{RedisCluster, RedisServer};
use crate::{TestApp, at, shown};

/// How often the server was sent the command.
async fn calls(server: &RedisServer, command: &str) -> u64 {
    let statistics: String = redis::from_redis_value(server.command("INFO commandstats").await).unwrap();
    let calls = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    calls.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_script_is_sent_by_its_name_and_as_a_whole_where_redis_does_not_have_it() {
    let server = RedisServer::start().await;
    let test = at(&server.url()).await;
    let app = TestApp { engine: &test.engine, app: test.app.clone() };
    assert_eq!(app.run("SET a 1").await, "OK");
    for _ in 0..5 {
        assert_eq!(app.run("GET a").await, "'1'");
    }
    assert_eq!(calls(&server, "eval").await, 1);
    server.command("SCRIPT FLUSH").await;
    for _ in 0..5 {
        assert_eq!(app.run("GET a").await, "'1'");
    }
    assert_eq!((calls(&server, "eval").await, calls(&server, "evalsha").await), (2, 10));
    // Words that look like the refusal of a script are a value, or the error of one command.
    let mixed = ["SET b NOSCRIPT", "GET b", "LRANGE b 0 1", "GET a"];
    let replies = app.pipeline(&mixed).await.unwrap();
    assert_eq!(replies.iter().map(shown).collect::<Vec<_>>(), ["OK", "'NOSCRIPT'", "!WRONGTYPE", "'1'"]);
}

#[tokio::test]
async fn an_app_is_deleted_in_a_redis_that_forgot_the_script() {
    let server = RedisServer::start().await;
    let test = at(&server.url()).await;
    for name in ["one", "two"] {
        let app = test.engine.create_app(NewApp::named(name)).await.unwrap();
        assert_eq!(TestApp { engine: &test.engine, app }.run("SET a 1").await, "OK");
    }
    for (name, left) in [("one", 1), ("two", 0)] {
        server.command("SCRIPT FLUSH").await;
        test.engine.delete_app(name).await.unwrap();
        assert_eq!(server.command("DBSIZE").await, Value::Int(left));
    }
}

#[tokio::test]
async fn each_node_of_a_cluster_gets_what_it_does_not_have() {
    let cluster = RedisCluster::start().await;
    let test = at(&cluster.url()).await;
    for index in 0..12 {
        let app = test.engine.create_app(NewApp::named(&format!("app{index}"))).await.unwrap();
        let app = TestApp { engine: &test.engine, app };
        assert_eq!(app.run("SET a 1").await, "OK");
        cluster.nodes()[index % 3].command("SCRIPT FLUSH").await;
        assert_eq!(app.run("GET a").await, "'1'");
        assert_eq!(app.run("MGET a b a").await, "['1' nil '1']");
    }
    for node in cluster.nodes() {
        assert!(calls(node, "evalsha").await > calls(node, "eval").await, "a node is sent whole scripts only");
    }
}
