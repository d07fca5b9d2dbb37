//! The id of this process among those that share a store.

use std::io::Write as _;
use std::path::Path;

use hookd_im_core::ids::NodeId;

use crate::error::{ServerError, Step as _};

const NODE_FILE: &str = "node";

/// A new id for this process, which is kept for the next one, and that of the process that used the data folder before.
pub(crate) fn next_node(data: &Path) -> Result<(NodeId, Option<NodeId>), ServerError> {
    let path = data.join(NODE_FILE);
    let earlier = match std::fs::read_to_string(&path) {
        Ok(earlier) => Some(earlier.trim().to_owned()).filter(|earlier| !earlier.is_empty()).map(NodeId::new),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).step(|| format!("cannot read `{}`", path.display())),
    };
    let node = NodeId::generate();
    let mut file = tempfile::NamedTempFile::new_in(data)
        .step(|| format!("cannot write in the data folder `{}`", data.display()))?;
    file.write_all(node.as_str().as_bytes())?;
    file.persist(&path).step(|| format!("cannot write `{}`", path.display()))?;
    Ok((node, earlier))
}

#[cfg(test)]
mod tests {
    use super::next_node;

    #[test]
    fn each_process_has_an_id_of_its_own_and_knows_the_one_before_it() {
        let data = tempfile::tempdir().unwrap();
        let (first, none) = next_node(data.path()).unwrap();
        assert_eq!(none, None);
        let (second, before) = next_node(data.path()).unwrap();
        assert_eq!(before.as_ref(), Some(&first));
        assert_ne!(second, first);
    }
}
