//! What is special about a Redis Cluster: apps are spread over its nodes.

use std::collections::HashSet;
use std::sync::Arc;

use hookd_im_core::hooks::queue::{Fate, HookQueue};
use hookd_im_core::hooks::{RedisHookQueue, RedisNodes};
use hookd_im_core::ids::AppId;
use hookd_im_core::timestamp::Timestamp;

use crate::fixture::{MANY, in_short, messages, offline, online, presence, sent};
use crate::redis_cluster::RedisCluster;

#[tokio::test]
async fn apps_are_spread_over_the_nodes_and_found_by_the_next_process() {
    let cluster = RedisCluster::start();
    let clock = Arc::new(Timestamp::now);
    let nodes = RedisNodes { nodes: cluster.addresses(), is_cluster: true, certificates: None };
    let node = |name: &str| RedisHookQueue::new(nodes.clone(), name.to_owned(), clock.clone());
    let apps: Vec<AppId> = (0..12).map(|number| AppId::new(format!("app{number}"))).collect();
    let queue = node("one");
    for app in &apps {
        queue.push(app, vec![sent(app.as_str()), online("tom"), offline("tom")], MANY).await.unwrap();
    }
    assert!(cluster.sizes().iter().all(|keys| *keys > 0), "{:?}", cluster.sizes());

    let next = node("two");
    let found: HashSet<AppId> = next.backlog().await.unwrap().into_iter().map(|entry| entry.app).collect();
    assert_eq!(found, apps.iter().cloned().collect());
    for app in &apps {
        assert_eq!(in_short(&next.claim(app, messages(), 10).await.unwrap().calls), [app.as_str()]);
        for expected in ["Online tom", "Offline tom"] {
            let calls = next.claim(app, presence(), 10).await.unwrap().calls;
            assert_eq!(in_short(&calls), [expected]);
            next.settle(app, presence(), vec![(calls[0].clone(), Fate::Done)], MANY).await.unwrap();
        }
    }
}
