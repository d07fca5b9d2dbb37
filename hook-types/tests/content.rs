//! F-19: what a filter sees is what readers see.

use hook_types::{Content, MessageReceivedParams};

#[test]
fn every_text_of_a_rich_message_is_seen_and_rewritten() {
    let rich = r#"{"_lctype":-2,"_lctext":"on\u0065","_lcattrs":{"a":["two",3,{"b":"three"}]},
        "_lcfile":{"url":"http://x/one","objId":"one","metaData":{"name":"four"}},"x":null}"#;
    let mut content = Content::read(rich, false).unwrap();
    // Which of the objects' keys comes first goes by the features of serde_json that a program builds with.
    let texts = |content: &Content| {
        let mut texts: Vec<String> = content.texts().into_iter().map(str::to_owned).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(texts(&content), ["four", "one", "three", "two"]);
    assert!(content.contains("hre") && !content.contains("five"));
    assert!(!content.rewrite(str::to_owned));
    assert!(content.rewrite(str::to_uppercase));
    assert_eq!(texts(&content), ["FOUR", "ONE", "THREE", "TWO"]);
    assert!(content.to_string().contains("http://x/one"), "{content}");
}

#[test]
fn a_plain_message_is_one_text() {
    for plain in ["Hello", "[smile] hi", "7 up", "", "a { b", "nul"] {
        let mut content = Content::read(plain, false).unwrap();
        assert_eq!(content.texts(), [plain]);
        assert!(content.rewrite(|text| format!("{text}!")));
        assert_eq!(content.to_string(), format!("{plain}!"));
    }
}

#[test]
fn a_binary_message_has_none() {
    let message = MessageReceivedParams { bin: true, content: "e30=".to_owned(), ..Default::default() };
    let mut content = message.read_content().unwrap();
    assert!(content.texts().is_empty());
    assert!(!content.rewrite(|_| "x".to_owned()));
    assert_eq!(content.to_string(), "e30=");
}

#[test]
fn a_text_that_begins_like_a_rich_message_and_is_none_is_an_error() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for content in ["{", "{hello}", "{a:1}", "\u{feff}{\"a\":1}", "\u{3000}\t{'a':1}", "\0{\"a\":1}", &deep] {
        let error = Content::read(content, false).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{content}");
    }
    // Deep as well, but no text that a client could take for more.
    assert!(Content::read(&deep[5..deep.len() - 1], false).is_err());
}
