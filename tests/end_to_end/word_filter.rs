//! Words that an app does not want in messages.

use std::fs;

use serde_json::Value;

use crate::harness::Server;

#[test]
fn words_become_stars_in_the_newest_client() {
    words_become_stars("5.0.0-rc.8");
}

#[test]
fn words_become_stars_in_the_old_client() {
    words_become_stars("4.3.1");
}

fn words_become_stars(sdk: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.txt");
    let mut server = Server::start();
    server.hookd_ok(&["settings", "--word-filter-direct", "off", "--message-edit", "on"]);
    server.play_obliging("word_filter", &[sdk], &mut |server, asked, argument| {
        match asked {
            "do not want" => {
                let words: Vec<String> = serde_json::from_str(argument).unwrap();
                let list = if words.is_empty() { "none" } else { file.to_str().unwrap() };
                fs::write(&file, words.join("\r\n")).unwrap();
                let settings = server.hookd_ok(&["settings", "--word-list", list]);
                assert!(settings.contains(&format!("word_list = {} words", words.len())), "{settings}");
            }
            "filter direct" => drop(server.hookd_ok(&["settings", "--word-filter-direct", "on"])),
            "hooks at" => drop(server.hookd_ok(&["settings", "--engine-url", argument])),
            unknown => panic!("the scene asks for `{unknown}`"),
        }
        Value::Null
    });
}

#[test]
fn a_word_list_is_checked_where_it_is_read() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.txt");
    let list = file.to_str().unwrap();
    let too_long = "x".repeat(129);
    let too_many = "x\n".repeat(20_001);
    for (content, word) in [
        (&b"crap\n\xb4\xf3\n"[..], "not UTF-8: line 2"),
        (b"\n \n", "--word-list none"),
        (too_long.as_bytes(), "129 bytes at place 1"),
        (too_many.as_bytes(), "20001 words; at most 20000"),
    ] {
        fs::write(&file, content).unwrap();
        let refused = server.hookd(&["settings", "--word-list", list]);
        assert_eq!(refused.status.code(), Some(1), "{word}");
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(text.contains(word), "{word}: {text}");
    }
    let missing = server.hookd(&["settings", "--word-list", "/no/such/file"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/no/such/file"));
    fs::write(&file, "crap\n").unwrap();
    server.hookd_ok(&["settings", "--word-list", list]);
    let settings = server.hookd_ok(&["settings", "--json"]);
    let settings: Value = serde_json::from_str(&settings).unwrap();
    assert_eq!(settings["word_list"], serde_json::json!(["crap"]));
}
