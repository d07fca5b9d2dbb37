//! Names of sets of members.

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::ConversationKind;
use md5::Md5;
use sha2::{Digest, Sha256};

/// Names a member set without the collisions of the public `uniqueId` (S-8): each id goes in with its length.
pub(crate) fn digest(members: &[ClientId]) -> String {
    let mut sorted: Vec<&str> = members.iter().map(ClientId::as_str).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for member in sorted {
        hash.update(member.len().to_le_bytes());
        hash.update(member);
    }
    hex::encode(hash.finalize())
}

/// The same for a unique conversation of this kind: temporary ones are apart from others (P-65).
pub(crate) fn digest_of(kind: ConversationKind, members: &[ClientId]) -> String {
    let digest = digest(members);
    if kind == ConversationKind::Temporary { format!("temporary {digest}") } else { digest }
}

/// Lower-case hex MD5 of the sorted ids without a separator (S-8). Different sets can share it.
pub(crate) fn unique_id(members: &[ClientId]) -> String {
    let mut sorted: Vec<&str> = members.iter().map(ClientId::as_str).collect();
    sorted.sort_unstable();
    hex::encode(Md5::digest(sorted.concat()))
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::ClientId;

    use super::{digest, unique_id};

    fn digest_of(members: &[&str]) -> String {
        digest(&members.iter().copied().map(ClientId::new).collect::<Vec<_>>())
    }

    #[test]
    fn digest_depends_on_the_set_only() {
        assert_eq!(digest_of(&["alice", "bob"]), digest_of(&["bob", "alice"]));
        assert_ne!(digest_of(&["alice", "bob"]), digest_of(&["alic", "ebob"]));
    }

    #[test]
    fn unique_id_of_the_published_sample() {
        let members = [ClientId::new("bob"), ClientId::new("alice")];
        assert_eq!(unique_id(&members), "ec0048c7d6b5a11cdb261b71a813eff3");
    }
}
