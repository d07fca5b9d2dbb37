//! F-18: texts that this reader and Node's `JSON.parse` must read alike.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a broken fixture ends the test")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use foreign_json::{Error, MAX_DEPTH};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Reads a list of texts from its input; answers for each what JSON.parse makes of it in a list of one, or nothing in an empty
/// list. Half pairs and infinite numbers, which JSON cannot write, are replaced as the reader under test does.
const NODE: &str = r"
const fs = require('fs');
const plain = (value) => {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number' && !Number.isFinite(value)) return Math.sign(value) * Number.MAX_VALUE;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.create(null);
  for (const key of Object.keys(value)) members[key.toWellFormed()] = plain(value[key]);
  return members;
};
const read = (text) => {
  try {
    return [plain(JSON.parse(text))];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(read)));
";

/// What Node reads.
fn node(texts: &[String]) -> Vec<Option<Value>> {
    let mut node = Command::new("node")
        .args(["--stack-size=50000", "-e", NODE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    let mut input = node.stdin.take().unwrap();
    let question = serde_json::to_vec(texts).unwrap();
    let writer = std::thread::spawn(move || input.write_all(&question));
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    // The answers nest two levels deeper than what they are about.
    let answers: Vec<Vec<Box<RawValue>>> = foreign_json::from_slice(&output.stdout).unwrap();
    answers.into_iter().map(|mut answer| Some(foreign_json::from_str(answer.pop()?.get()).unwrap())).collect()
}

/// JavaScript has one kind of number. The last digit may differ: `serde_json` reads numbers quickly, not exactly.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(format!("{:.14e}", number.as_f64().unwrap() + 0.0)),
        Value::Array(values) => Value::Array(values.into_iter().map(floats).collect()),
        Value::Object(members) => Value::Object(members.into_iter().map(|(key, value)| (key, floats(value))).collect()),
        other => other,
    }
}

#[track_caller]
fn assert_read_alike(texts: &[String]) {
    for (text, expected) in texts.iter().zip(node(texts)) {
        let read = foreign_json::from_str::<Value>(text).ok();
        let shown: String = text.chars().take(300).collect();
        assert_eq!(read.map(floats), expected.map(floats), "{shown}");
    }
}

fn nested(open: &str, depth: usize, close: &str) -> String {
    [open.repeat(depth), "1".to_owned(), close.repeat(depth)].concat()
}

#[test]
fn a_table_of_texts() {
    let mut texts: Vec<String> = [
        // Halves of pairs, and what only looks like one.
        r#""\ud83d""#,
        r#""x\ud83d""#,
        r#""\ude00""#,
        r#""\ud83d\ude00""#,
        r#""\ude00\ud83d""#,
        r#""\ud83d\ud83d\ude00\ude00""#,
        r#""\ud83dx\ude00""#,
        r#""\ud83d\n\ude00""#,
        r#""\\ud83d""#,
        r#""\\\ud83d\\""#,
        r#""\uD83D \uDFFF \ud7ff \ue000""#,
        r#"{"\ud83d":1,"a":{"\udc00":"\udbff"}}"#,
        r#""\ud83""#,
        r#""\ud83g""#,
        r#""\u""#,
        r#""\ud83d"#,
        r#""\ud83d\u""#,
        r"\ud83d",
        // Numbers.
        "1e400",
        "-1e400",
        "[1e400,-1e999999999999999999999]",
        "1e-400",
        "-1e-999999999999",
        "0e999",
        "0.000e400",
        "1E+400",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "123456789012345678901234567890",
        "-0",
        "-0.0",
        "9007199254740993",
        "1.0",
        "1e3",
        "1.e999",
        ".1e999",
        "1e",
        "1e999e",
        "01e999",
        "+1e999",
        "-",
        "1e+",
        "0x10",
        "NaN",
        "Infinity",
        "1_000",
        // Keys that come twice.
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a":{"b":1},"a":{"c":2}}"#,
        r#"{"__proto__":1,"constructor":2,"":3}"#,
        // Blanks, and characters that do not count as blanks.
        " \t\r\n1 ",
        "\u{feff}1",
        "\u{a0}1",
        "\u{2028}1",
        "\u{c}1",
        "\"\u{2028}\u{2029}\u{7f}\"",
        "\"\u{1}\"",
        "\"\t\"",
        "\"\0\"",
        // Other grammars.
        "",
        "[1,]",
        "[,1]",
        r#"{"a":1,}"#,
        "{a:1}",
        "{'a':1}",
        "// 1",
        "1 2",
        "{} {}",
        r#""\x41""#,
        r#""\'""#,
        r#""\/\b\f\n\r\t""#,
        "tru",
        "TRUE",
        "nul",
        "[",
        "]",
        "{\"a\"}",
        "{\"a\":}",
        "\u{0}",
    ]
    .map(str::to_owned)
    .into();
    for depth in [2, 99, 100, 126, MAX_DEPTH] {
        texts.push(nested("[", depth, "]"));
        texts.push(nested(r#"{"a":"#, depth, "}"));
        texts.push(nested(r#"[{"[\"{":"#, depth / 2, "}]"));
        // One that does not close.
        texts.push(nested("[", depth, "]").replace("]]", "]"));
    }
    texts.push("9".repeat(308));
    texts.push("9".repeat(309));
    texts.push(format!("-{}.5", "9".repeat(400)));
    texts.push(format!("[{}]", "0.0".repeat(2)));
    // Something that the fast path refuses beside each, so that the other one reads it too.
    let both: Vec<String> =
        texts.iter().flat_map(|text| [text.clone(), format!(r#"["\ud83d",{text},1e400]"#)]).collect();
    let not_too_deep = |text: &String| !matches!(foreign_json::from_str::<Value>(text), Err(Error::TooDeep));
    assert_read_alike(&both.into_iter().filter(not_too_deep).collect::<Vec<_>>());
}

#[test]
fn drawn_texts() {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\":",
        "\\",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "\\u0061",
        "\\n",
        "d83d",
        "1",
        "-",
        "0",
        ".",
        "e",
        "E",
        "+",
        "400",
        "1e400",
        "-1.5e-400",
        "true",
        "null",
        " ",
        "\n",
        "\u{feff}",
        "é",
        "\u{1f600}",
        "x",
    ]);
    let soup = prop::collection::vec(word, 0..12).prop_map(|words| words.concat());
    let quoted = |parts: Vec<&str>| format!("\"{}\"", parts.concat());
    let parts = ["a", r"\ud83d", r"\ude00", r"\\", r#"\""#, r"\u00e9", "é", r"\ud7ff", r"\udfff"];
    let text = prop::collection::vec(prop::sample::select(parts.to_vec()), 0..6).prop_map(quoted);
    // One kind of half only: keys that differ in JavaScript alone have no order that both share.
    let parts = ["a", r"\ud83d", r"\\", r#"\""#, r"\u00e9", "é", r"\ud7ff"];
    let key = prop::collection::vec(prop::sample::select(parts.to_vec()), 0..6).prop_map(quoted);
    let number = "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?";
    let leaf = prop_oneof![text, number, Just("null".to_owned()), Just("true".to_owned())];
    let json = leaf.prop_recursive(6, 40, 5, move |inner| {
        let member = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    });
    let mut runner = TestRunner::default();
    let all = prop_oneof![soup, json];
    let texts: Vec<String> = (0..4_000).map(|_| all.new_tree(&mut runner).unwrap().current()).collect();
    assert_read_alike(&texts);
}

#[test]
fn too_deep_nesting_has_its_own_error() {
    for depth in [MAX_DEPTH + 1, 100_000] {
        let text = nested("[", depth, "]");
        assert!(matches!(foreign_json::from_str::<Value>(&text), Err(Error::TooDeep)), "{depth}");
    }
    // Brackets in texts are none.
    let flat = format!(r#"["{}\"[", "\ud83d"]"#, "[".repeat(1_000));
    assert!(foreign_json::from_str::<Value>(&flat).is_ok());
}

#[test]
fn values_that_are_skipped_or_kept_as_text_nest_to_any_depth() {
    #[derive(Deserialize)]
    struct Known {
        drop: bool,
    }
    let deep = nested("[", 100_000, "]");
    for known in [r#"{"drop":true,"x":DEEP}"#, r#"{"drop":false,"\ud83d":"\ud83d","x":DEEP,"n":1e400}"#] {
        let known = known.replace("DEEP", &deep);
        assert_eq!(foreign_json::from_str::<Known>(&known).unwrap().drop, known.contains("true"));
        let members: std::collections::BTreeMap<String, Box<RawValue>> = foreign_json::from_str(&known).unwrap();
        assert_eq!(members["x"].get(), deep);
    }
}

#[test]
fn structs_take_the_last_of_two_keys_and_whole_numbers_in_any_form() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Point {
        x: i32,
        y: Option<u8>,
    }
    let read = |text: &str| foreign_json::from_str::<Point>(text);
    assert_eq!(read(r#"{"x":1,"x":-2.0,"y":1e1,"z":1}"#).unwrap(), Point { x: -2, y: Some(10) });
    for unfit in [r#"{"x":1.5}"#, r#"{"x":1e400}"#, r#"{"y":1}"#, "7"] {
        assert!(matches!(read(unfit), Err(Error::Unfit(_))), "{unfit}");
    }
    assert!(matches!(read(r#"{"x":"#), Err(Error::Malformed(_))));
}

#[test]
fn bytes_are_decoded_as_fetch_does() {
    let read = |bytes: &[u8]| foreign_json::from_slice::<Map<String, Value>>(bytes).map(Value::Object).ok();
    assert_eq!(read(b"\xef\xbb\xbf{\"a\":\"\xff\xc3\xa9\"}"), Some(json!({"a": "\u{fffd}é"})));
    assert_eq!(read(b"\xff{}"), None);
}
