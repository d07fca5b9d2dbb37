//! Digests for `crypto`.

use hmac::digest::Digest;
use hmac::digest::block_api::EagerHash;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// None where there is no such algorithm.
pub(crate) fn hash(algorithm: &str, data: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        "md5" => Md5::digest(data).to_vec(),
        "sha1" => Sha1::digest(data).to_vec(),
        "sha224" => Sha224::digest(data).to_vec(),
        "sha256" => Sha256::digest(data).to_vec(),
        "sha384" => Sha384::digest(data).to_vec(),
        "sha512" => Sha512::digest(data).to_vec(),
        _ => return None,
    })
}

/// None where there is no such algorithm.
pub(crate) fn hmac(algorithm: &str, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        "md5" => keyed::<Md5>(key, data),
        "sha1" => keyed::<Sha1>(key, data),
        "sha224" => keyed::<Sha224>(key, data),
        "sha256" => keyed::<Sha256>(key, data),
        "sha384" => keyed::<Sha384>(key, data),
        "sha512" => keyed::<Sha512>(key, data),
        _ => None,
    }
}

/// Keys of every length are taken.
fn keyed<Algorithm: EagerHash>(key: &[u8], data: &[u8]) -> Option<Vec<u8>>
where
    Hmac<Algorithm>: Mac + KeyInit,
{
    let mut mac = <Hmac<Algorithm> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac.finalize().into_bytes().to_vec())
}
