//! The texts of a message that people read: all of it, or `_lctext` of a rich message (S-40).

use std::collections::HashMap;
use std::ops::Range;

use serde::de::IgnoredAny;

/// The key that makes a JSON object a rich message, and that of its text.
const TYPE: &str = "_lctype";
const TEXT: &str = "_lctext";

/// One character of a text, where it stands in the message. Half a surrogate pair counts as U+FFFD.
pub(super) type Placed = (char, Range<usize>);

/// Where the texts of a message are, and how they are written there.
pub(super) enum TextParts {
    /// No JSON object with `_lctype`: the text is all of it.
    Whole,
    /// The insides of JSON strings. Those of an array count too: clients show it as its elements.
    Strings(Vec<Range<usize>>),
}

/// Finds the texts of a message.
pub(super) fn text_parts(message: &str) -> TextParts {
    // What is plain text is seen at once.
    if !message.trim_start().starts_with('{') {
        return TextParts::Whole;
    }
    // A struct would not take all that clients read: a key that comes twice, beside a value that nests deep.
    match foreign_json::from_str::<HashMap<String, IgnoredAny>>(message) {
        Ok(keys) if keys.contains_key(TYPE) => TextParts::Strings(strings_of_text(message)),
        Ok(_) | Err(_) => TextParts::Whole,
    }
}

/// The insides of all strings in values of `_lctext`, of which there may be several. `json` is a JSON object, so that its strings
/// and brackets are complete.
fn strings_of_text(json: &str) -> Vec<Range<usize>> {
    let bytes = json.as_bytes();
    let (mut depth, mut is_text, mut at, mut found) = (0_usize, false, 0, Vec::new());
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => is_text = false,
            b'"' => {
                let inside = at + 1..end_of_string(bytes, at + 1);
                at = inside.end;
                let is_key = depth == 1 && next_byte(bytes, at + 1) == Some(b':');
                if is_key {
                    is_text = characters_of_string(json, inside).map(|(character, _)| character).eq(TEXT.chars());
                } else if is_text {
                    found.push(inside);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The place of the quote that ends a string.
fn end_of_string(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin;
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn next_byte(bytes: &[u8], from: usize) -> Option<u8> {
    bytes.get(from..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// The characters of a plain text.
pub(super) fn characters(text: &str) -> impl Iterator<Item = Placed> {
    text.char_indices().map(|(at, character)| (character, at..at + character.len_utf8()))
}

/// The characters that the inside of a JSON string stands for.
pub(super) fn characters_of_string(json: &str, inside: Range<usize>) -> impl Iterator<Item = Placed> {
    let mut at = inside.start;
    std::iter::from_fn(move || {
        let rest = json.get(at..inside.end)?;
        let (character, bytes) = next_character(rest)?;
        let begin = at;
        at += bytes;
        Some((character, begin..at))
    })
}

/// The first character, and the bytes that it is written with.
fn next_character(rest: &str) -> Option<(char, usize)> {
    let first = rest.chars().next()?;
    if first != '\\' {
        return Some((first, first.len_utf8()));
    }
    let escaped = rest.chars().nth(1)?;
    let character = match escaped {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return Some(escaped_unit(rest)),
        other => other,
    };
    Some((character, 1 + escaped.len_utf8()))
}

/// `\ud83d\ude00` is one character, and half of it is one too.
fn escaped_unit(rest: &str) -> (char, usize) {
    const LENGTH: usize = r"\u0000".len();
    let unit = |at: usize| {
        let hex = rest.get(at..at + LENGTH)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let units = unit(0).into_iter().chain(unit(LENGTH));
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => (character, LENGTH * character.len_utf16()),
        Some(Err(_)) | None => (char::REPLACEMENT_CHARACTER, LENGTH.min(rest.len())),
    }
}
