//! Clients over TLS: certificates of the server's own, of the operator, and new ones while it runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::{Server, assert_refused, hookd_in};

const LISTEN: (&str, &str) = ("HOOKD_TLS_LISTEN", "127.0.0.1:0");
const SELF_SIGNED: (&str, &str) = ("HOOKD_TLS_SELF_SIGNED", "true");

#[test]
fn clients_of_both_versions_chat_over_tls() {
    let mut server = Server::start_with_variables(&[LISTEN, SELF_SIGNED], &[]);
    let (certificate, url) = (server.data().join("tls/self-signed.pem"), tls_url(&server));
    for sdk in ["5.0.0-rc.8", "4.3.1"] {
        server.play_trusting(&certificate, "over_tls", &[&url, sdk]);
    }
}

#[test]
fn a_certificate_that_is_replaced_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (make_pair(folder.path(), "first"), make_pair(folder.path(), "second"));
    let [certificate, key] = make_pair(folder.path(), "current");
    let copy = |from: &[PathBuf; 2]| {
        std::fs::copy(&from[1], &key).unwrap();
        std::fs::copy(&from[0], &certificate).unwrap();
    };
    copy(&first);
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let files = [("HOOKD_TLS_CERT", files[0]), ("HOOKD_TLS_KEY", files[1])];
    let mut server = Server::start_with_variables(&[LISTEN, files[0], files[1]], &[]);
    let url = tls_url(&server);
    server.play_trusting(&first[0], "over_tls", &[&url, "5.0.0-rc.8"]);

    // A file that is no certificate changes nothing.
    std::fs::write(&certificate, "no certificate").unwrap();
    wait_until(|| server.log().contains("the one from before stays"));
    server.play_trusting(&first[0], "over_tls", &[&url, "5.0.0-rc.8"]);

    copy(&second);
    wait_until(|| server.log().contains("was read again"));
    server.play_trusting(&second[0], "over_tls", &[&url, "5.0.0-rc.8"]);
}

#[test]
fn contradicting_flags_and_unusable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let [certificate, key] = make_pair(folder.path(), "one");
    let [_, other_key] = make_pair(folder.path(), "other");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let refused = |arguments: &[&str], expected: &str| {
        let arguments = [&["up", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"], arguments].concat();
        assert_refused(&hookd_in(&data, &arguments), &[expected]);
    };
    refused(&[], "needs a certificate");
    refused(&["--tls-cert", &text(&certificate)], "go together");
    refused(&["--tls-cert", &text(&certificate), "--tls-key", &text(&key), "--tls-self-signed"], "give one of them");
    refused(&["--tls-cert", "/none.pem", "--tls-key", &text(&key)], "the file of `--tls-cert`");
    refused(&["--tls-cert", &text(&key), "--tls-key", &text(&key)], "there is no certificate in it");
    refused(&["--tls-cert", &text(&certificate), "--tls-key", &text(&other_key)], "the file of `--tls-key`");
}

/// A peer that begins no handshake, or a broken one, holds up no other client.
#[test]
fn silent_and_broken_peers_disturb_no_client() {
    use std::io::Write as _;
    let mut server = Server::start_with_variables(&[LISTEN, SELF_SIGNED], &[]);
    let (certificate, url) = (server.data().join("tls/self-signed.pem"), tls_url(&server));
    let address = url.trim_start_matches("https://");
    let mut peers: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    for peer in peers.iter_mut().step_by(2) {
        peer.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    }
    server.play_trusting(&certificate, "over_tls", &[&url, "5.0.0-rc.8"]);
}

fn tls_url(server: &Server) -> String {
    server.connection()["tls"].as_str().unwrap().to_owned()
}

/// A certificate for this machine and its key, as files.
fn make_pair(folder: &Path, name: &str) -> [PathBuf; 2] {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let files = [folder.join(format!("{name}.pem")), folder.join(format!("{name}.key"))];
    std::fs::write(&files[0], made.cert.pem()).unwrap();
    std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    files
}

fn wait_until(happened: impl Fn() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not happen");
        std::thread::yield_now();
    }
}
