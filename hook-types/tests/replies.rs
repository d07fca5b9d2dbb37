//! What counts as which reply: EC-14, EC-29, EC-30.

use hook_types::{
    BadReply, ClientSign, ClientSignReply, ConversationStart, ConversationUpdate, MessageReceived,
    MessageReceivedReply, MessageSent, NoReply, ReceiversOffline, read_reply,
};

#[test]
fn nothing_null_and_an_empty_object_are_no_opinion() {
    for json in ["", " \n", "null", "{}", " { } "] {
        let read = read_reply::<MessageReceived>(json.as_bytes()).unwrap();
        assert_eq!(read.reply, MessageReceivedReply::pass(), "{json:?}");
        assert!(read.had_no_opinion, "{json:?}");
    }
    assert!(!read_reply::<MessageReceived>(br#"{"drop": false}"#).unwrap().had_no_opinion);
}

#[test]
fn truthy_values_drop_and_reject() {
    for (value, expected) in [
        ("true", true),
        ("1", true),
        ("-0.5", true),
        (r#""false""#, true),
        ("[]", true),
        ("{}", true),
        ("false", false),
        ("null", false),
        ("0", false),
        ("0.0", false),
        (r#""""#, false),
    ] {
        let read = read_reply::<MessageReceived>(format!(r#"{{"drop": {value}}}"#).as_bytes()).unwrap();
        assert_eq!(read.reply.drop, expected, "drop: {value}");
        assert!(read.ignored_keys.is_empty());
        let read = read_reply::<ConversationStart>(format!(r#"{{"reject": {value}}}"#).as_bytes()).unwrap();
        assert_eq!(read.reply.reject, expected, "reject: {value}");
        let read = read_reply::<ReceiversOffline>(format!(r#"{{"skip": {value}, "force": {value}}}"#).as_bytes());
        let reply = read.unwrap().reply;
        assert_eq!((reply.skip, reply.force), (expected, expected), "skip and force: {value}");
    }
}

#[test]
fn unknown_keys_are_ignored_in_silence() {
    let read = read_reply::<MessageReceived>(br#"{"content": "hi", "mood": 3}"#).unwrap();
    assert_eq!(read.reply, MessageReceivedReply::content("hi"));
    assert!(read.ignored_keys.is_empty());
}

#[test]
fn known_keys_of_the_wrong_type_count_as_absent_and_are_named() {
    let json = br#"{"content": 5, "toPeers": ["bob", 7], "code": "x", "detail": [], "bin": 1, "drop": true}"#;
    let read = read_reply::<MessageReceived>(json).unwrap();
    assert_eq!(read.reply, MessageReceivedReply { drop: true, ..Default::default() });
    assert_eq!(read.ignored_keys, ["code", "detail", "bin", "content", "toPeers"]);

    let read = read_reply::<ConversationUpdate>(br#"{"mute": "yes", "attr": []}"#).unwrap();
    assert_eq!(read.ignored_keys, ["mute", "attr"]);
    let read = read_reply::<ReceiversOffline>(br#"{"pushMessage": 5}"#).unwrap();
    assert_eq!(read.ignored_keys, ["pushMessage"]);
}

#[test]
fn null_values_of_known_keys_are_absent_without_complaint() {
    let read = read_reply::<MessageReceived>(br#"{"content": null, "toPeers": null, "code": null}"#).unwrap();
    assert_eq!(read.reply, MessageReceivedReply::pass());
    assert!(read.ignored_keys.is_empty());
}

#[test]
fn codes_outside_32_bits_and_fractions_are_not_codes() {
    for code in ["1.5", "4294967296", "1e400", "1e10", "[[1]]"] {
        let read =
            read_reply::<ConversationStart>(format!(r#"{{"reject": true, "code": {code}}}"#).as_bytes()).unwrap();
        assert_eq!(read.reply.code, None, "{code}");
        assert_eq!(read.ignored_keys, ["code"], "{code}");
    }
}

/// F-18
#[test]
fn replies_are_read_as_javascript_reads_them() {
    let read = |json: &str| read_reply::<MessageReceived>(json.as_bytes()).unwrap();
    assert_eq!(read(r#"{"content":"a\ud83d"}"#).reply, MessageReceivedReply::content("a\u{fffd}"));
    assert_eq!(read(r#"{"\ud83d":1,"content":"x","content":"y"}"#).reply, MessageReceivedReply::content("y"));
    for code in ["7", "7.0", "70e-1", "0.7e1"] {
        let reply = read(&format!(r#"{{"drop":1e400,"code":{code}}}"#)).reply;
        assert_eq!((reply.drop, reply.code), (true, Some(7)), "{code}");
    }
    // A hook may return deeply nested input unchanged. Its decision must still be applied.
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let read = read(&format!(r#"{{"drop":{deep},"content":{deep},"toPeers":{deep},"code":{deep},"x":{deep}}}"#));
    assert_eq!(read.reply, MessageReceivedReply { drop: true, ..Default::default() });
    assert_eq!(read.ignored_keys, ["code", "content", "toPeers"]);
    let latin = read_reply::<MessageReceived>(b"{\"content\":\"caf\xe9\"}").unwrap().reply;
    assert_eq!(latin, MessageReceivedReply::content("caf\u{fffd}"));
}

#[test]
fn anything_but_an_object_or_null_is_a_bad_reply() {
    for json in ["true", "5", r#""drop""#, "[]"] {
        assert!(matches!(read_reply::<MessageReceived>(json.as_bytes()), Err(BadReply::NotAnObject(_))), "{json}");
    }
    for json in ["{", "drop", "{} {}", "\u{1}"] {
        assert!(matches!(read_reply::<MessageReceived>(json.as_bytes()), Err(BadReply::NotJson(_))), "{json}");
    }
    assert!(matches!(read_reply::<MessageReceived>(b"\"\xff\""), Err(BadReply::NotAnObject(_))));
}

#[test]
fn replies_of_notification_hooks_are_not_looked_at() {
    for json in ["", "{}", "5", "not JSON at all"] {
        assert_eq!(read_reply::<MessageSent>(json.as_bytes()).unwrap().reply, NoReply);
    }
}

#[test]
fn a_signature_may_be_decided_by_a_bare_boolean() {
    assert!(read_reply::<ClientSign>(b"true").unwrap().reply.is_allowed());
    assert!(!read_reply::<ClientSign>(b"false").unwrap().reply.is_allowed());
    let nested = read_reply::<ClientSign>(br#"{"result": false, "error": "blocked"}"#).unwrap().reply;
    assert_eq!(nested, ClientSignReply::refuse("blocked"));
    assert!(read_reply::<ClientSign>(b"{}").unwrap().reply.is_allowed());
    assert!(matches!(read_reply::<ClientSign>(b"7"), Err(BadReply::NotAnObject(_))));
}
