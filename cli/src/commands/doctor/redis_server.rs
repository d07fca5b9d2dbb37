//! Redis: does it answer.

use std::time::Duration;

use api_types::clock_is_before_1970;
use hookd_runtime::redis_certificate_fix;
use redis::{ConnectionAddr, ConnectionInfo};

use super::Finding;
use crate::commands::server::RedisFlags;

const REDIS: &str = "redis";
/// Redis answers in well under a millisecond; a longer wait has another cause.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// Every named node of a cluster, or the one server; empty without a URL.
pub(super) async fn check(redis: &RedisFlags) -> Vec<Finding> {
    match redis.address() {
        Ok(None) => Vec::new(),
        Ok(Some(address)) => futures::future::join_all(address.nodes().iter().map(check_one)).await,
        Err(error) => {
            let fix = "write the URL as redis://[:password@]host:port[/database], or rediss://… with --redis-ca-file";
            vec![Finding::broken(REDIS, error.to_string(), fix)]
        }
    }
}

async fn check_one(node: &ConnectionInfo) -> Finding {
    let address = node.addr().to_string();
    if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) && clock_is_before_1970() {
        let text = format!("`{address}`: its certificate cannot be checked, as the clock is before 1970");
        return Finding::broken(REDIS, text, "set the clock");
    }
    let ping = async {
        let mut connection = redis::Client::open(node.clone())?.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    match tokio::time::timeout(ANSWER_TIME, ping).await {
        Ok(Ok(_)) => Finding::ok(REDIS, format!("`{address}` answers")),
        Ok(Err(error)) => {
            let fix = redis_certificate_fix(&error).unwrap_or("start it, or check address and password");
            Finding::broken(REDIS, format!("`{address}`: {error}"), fix)
        }
        Err(_) => {
            let text = format!("`{address}` did not answer within {} s", ANSWER_TIME.as_secs());
            Finding::broken(REDIS, text, "check that the address is right and that no firewall is in between")
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::Status;
    use super::*;

    async fn check_url(url: &str) -> Vec<Finding> {
        let command = RedisFlags::augment_args(clap::Command::new("test"));
        let matches = command.get_matches_from(["test", "--redis-url", url]);
        check(&RedisFlags::from_arg_matches(&matches).unwrap()).await
    }

    /// Answers every command on one connection.
    async fn answering(reply: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://:secret@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut commands = [0; 4_096];
            while socket.read(&mut commands).await.is_ok_and(|read| read > 0) {
                let count = commands.split(|byte| *byte == b'*').count();
                let _ = socket.write_all(&reply.repeat(count)).await;
                commands.fill(0);
            }
        });
        url
    }

    #[tokio::test]
    async fn one_that_refuses_is_broken_and_its_password_stays_secret() {
        let finding = &check_url(&answering(b"-WRONGPASS no\r\n").await).await[0];
        assert_eq!(finding.status, Status::Broken);
        assert!(!finding.text.contains("secret"), "{}", finding.text);
    }

    #[tokio::test]
    async fn nothing_at_the_address_is_broken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let finding = &check_url(&format!("redis://{address}")).await[0];
        assert_eq!(finding.status, Status::Broken);
        assert!(finding.text.contains(&address.to_string()), "{}", finding.text);
    }

    #[tokio::test]
    async fn a_text_that_is_no_url_is_broken() {
        assert_eq!(check_url("localhost:6379").await[0].status, Status::Broken);
    }

    #[tokio::test]
    async fn each_node_of_a_cluster_is_checked() {
        let findings = check_url("redis-cluster://127.0.0.1:1,127.0.0.1:2").await;
        let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
        assert!(texts[0].contains("127.0.0.1:1") && texts[1].contains("127.0.0.1:2"), "{texts:?}");
    }
}
