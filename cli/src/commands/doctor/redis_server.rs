//! Redis: does it answer.

use std::time::Duration;

use super::Finding;

const REDIS: &str = "redis";
/// Redis answers in well under a millisecond; who waits longer has another problem.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// Every node of a cluster, or the one server.
pub(super) async fn check(url: &str) -> Vec<Finding> {
    let Some(nodes) = url.strip_prefix("redis-cluster://") else { return vec![check_one(url).await] };
    let (user, nodes) =
        nodes.rsplit_once('@').map_or((String::new(), nodes), |(user, nodes)| (format!("{user}@"), nodes));
    let checks = nodes.split(',').map(|node| format!("redis://{user}{node}"));
    futures::future::join_all(checks.map(async |node| check_one(&node).await)).await
}

async fn check_one(url: &str) -> Finding {
    let client = match redis::Client::open(url) {
        Ok(client) => client,
        Err(error) => {
            let fix = "write it as redis://[:password@]host:port[/database], or redis-cluster://host:port,host:port";
            return Finding::broken(REDIS, format!("this is no URL of a Redis: {error}"), fix);
        }
    };
    // Without the password that a URL may hold.
    let address = client.get_connection_info().addr().to_string();
    let ping = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    match tokio::time::timeout(ANSWER_TIME, ping).await {
        Ok(Ok(_)) => Finding::ok(REDIS, format!("`{address}` answers")),
        Ok(Err(error)) => {
            Finding::broken(REDIS, format!("`{address}`: {error}"), "start it, or check address and password")
        }
        Err(_) => {
            let text = format!("`{address}` did not answer within {} s", ANSWER_TIME.as_secs());
            Finding::broken(REDIS, text, "check that the address is right and that no firewall is in between")
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::Status;
    use super::*;

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
        let finding = check_one(&answering(b"-WRONGPASS no\r\n").await).await;
        assert_eq!(finding.status, Status::Broken);
        assert!(!finding.text.contains("secret"), "{}", finding.text);
    }

    #[tokio::test]
    async fn nothing_at_the_address_is_broken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let finding = check_one(&format!("redis://{address}")).await;
        assert_eq!(finding.status, Status::Broken);
        assert!(finding.text.contains(&address.to_string()), "{}", finding.text);
    }

    #[tokio::test]
    async fn what_is_no_url_is_broken() {
        assert_eq!(check_one("localhost:6379").await.status, Status::Broken);
    }

    #[tokio::test]
    async fn each_node_of_a_cluster_is_checked() {
        let findings = check("redis-cluster://127.0.0.1:1,127.0.0.1:2").await;
        let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
        assert!(texts[0].contains("127.0.0.1:1") && texts[1].contains("127.0.0.1:2"), "{texts:?}");
    }
}
