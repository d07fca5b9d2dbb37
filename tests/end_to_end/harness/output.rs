use std::process::Output;

const INPUT_AT_FAULT: i32 = 1;

/// Params of `_messageReceived` for a message with a word to filter.
pub const MESSAGE: &str = r#"{"fromPeer":"Tom","convId":"64f0c0ffee0000000000a001","toPeers":["Jerry"],
"transient":false,"bin":false,"content":"Holy crap!","receipt":false,"timestamp":1700000000123,"system":null,
"sourceIP":"203.0.113.7","groupId":null}"#;

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails as the input's fault, with these words in the text, and nothing on stdout.
#[track_caller]
pub fn assert_refused(output: &Output, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(code(output), INPUT_AT_FAULT, "{text}");
    assert_eq!(stdout(output), "");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}
