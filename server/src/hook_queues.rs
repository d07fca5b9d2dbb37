//! Where calls of notification hooks wait.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use hookd_im_core::hooks::{HookQueue, RedisHookQueue, RedisNodes};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use hookd_runtime::{CacheConfig, generate_key};

use super::error::{ServerError, Step as _};

const NODE_FILE: &str = "node";

/// In Redis where there is one, else with the messages. The messages' queue takes over while Redis is away, and goes on with
/// what waits in it from before there was a Redis.
pub(super) fn hook_queues(
    store: &SqliteStore,
    cache: &CacheConfig,
    data: &Path,
) -> Result<Vec<Arc<dyn HookQueue>>, ServerError> {
    let embedded: Arc<dyn HookQueue> = Arc::new(store.hook_queue());
    let CacheConfig::Redis(address) = cache else { return Ok(vec![embedded]) };
    let nodes = RedisNodes {
        nodes: address.nodes().to_vec(),
        is_cluster: address.is_cluster(),
        certificates: address.certificates().cloned(),
    };
    let redis = RedisHookQueue::new(nodes, node_name(data)?, Arc::new(Timestamp::now));
    Ok(vec![Arc::new(redis), embedded])
}

/// The name of this node among those that share a Redis; made once for each data folder.
fn node_name(data: &Path) -> Result<String, ServerError> {
    let path = data.join(NODE_FILE);
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).step(|| format!("cannot read `{}`", path.display())),
    }
    let name = generate_key();
    let mut file = tempfile::NamedTempFile::new_in(data)
        .step(|| format!("cannot write in the data folder `{}`", data.display()))?;
    file.write_all(name.as_bytes())?;
    file.persist(&path).step(|| format!("cannot write `{}`", path.display()))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::node_name;

    #[test]
    fn a_data_folder_keeps_its_name() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = node_name(one.path()).unwrap();
        assert_eq!(node_name(one.path()).unwrap(), name);
        assert_ne!(node_name(other.path()).unwrap(), name);
    }
}
