//! `$regex` with `$options`.

use regex::{Regex, RegexBuilder};

/// Bytes of a pattern as a client writes it.
const MAX_PATTERN_BYTES: usize = 512;

/// Bytes of a compiled pattern, and of what it remembers while it looks. Looking takes a time that grows with the size: the
/// default of 10 MB would be too kind.
const COMPILED_SIZE_LIMIT: usize = 128 * 1024;
const REMEMBERED_SIZE_LIMIT: usize = 256 * 1024;

/// Bytes of the longest text that a pattern is looked for in. No longer one matches: the time to look grows with it too.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Compiles; the error is for the client.
pub(super) fn compile(pattern: &str, options: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("`$regex` has {} bytes; at most {MAX_PATTERN_BYTES} are allowed", pattern.len()));
    }
    let mut builder = RegexBuilder::new(&unquote(pattern));
    builder.size_limit(COMPILED_SIZE_LIMIT).dfa_size_limit(REMEMBERED_SIZE_LIMIT);
    for option in options.chars() {
        match option {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            other => return Err(format!("`$options` knows `i` and `m`, not `{other}`")),
        };
    }
    builder.build().map_err(|error| format!("`$regex` is unusable: {error}"))
}

/// Replaces `\Q…\E`, which SDKs put around literal text and the `regex` crate does not know.
fn unquote(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, escaped)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = escaped.chars();
        match characters.next() {
            Some('Q') => {
                let quoted = characters.as_str();
                let (literal, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                plain.push_str(&regex::escape(literal));
                rest = after;
            }
            // An end without a beginning means nothing, as in the dialects that have it.
            Some('E') => rest = characters.as_str(),
            Some(character) => {
                plain.extend(['\\', character]);
                rest = characters.as_str();
            }
            None => {
                plain.push('\\');
                rest = "";
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{compile, unquote};

    /// How the SDK quotes.
    fn quote(text: &str) -> String {
        format!(r"\Q{}\E", text.replace(r"\E", r"\E\\E\Q"))
    }

    #[test]
    fn quoted_text_is_literal() {
        for (pattern, text, expected) in [
            (r"\Qa.b\E", "xa.bx", true),
            (r"\Qa.b\E", "xaxbx", false),
            (r"^\Qa.b\E", "a.bc", true),
            (r"^\Qa.b\E", "xa.b", false),
            (r"\Qa.b\E$", "xa.b", true),
            (r"\Qunclosed.", "unclosed.", true),
            (r"\\Qx", r"\Qx", true),
            (r"a\Eb", "ab", true),
            (r"\d+", "room 12", true),
        ] {
            assert_eq!(compile(pattern, "").unwrap().is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn options_apply() {
        assert!(!compile("ROOM", "").unwrap().is_match("room"));
        assert!(compile("ROOM", "i").unwrap().is_match("room"));
        assert!(!compile("^b", "").unwrap().is_match("a\nb"));
        assert!(compile("^B", "im").unwrap().is_match("a\nb"));
        assert!(compile("a", "g").unwrap_err().contains("`g`"));
    }

    #[test]
    fn huge_pattern_is_refused() {
        assert!(compile(r"(\w{1000}){1000}", "").is_err());
        assert!(compile(&"x".repeat(513), "").unwrap_err().contains("513 bytes"));
    }

    proptest! {
        #[test]
        fn quoted_text_matches_itself_only(text in r"(\\E|\\Q|\\|[a-zA-Z.*+?$^(){}|\[\]é]){0,12}", other in ".{0,8}") {
            let whole = compile(&format!("^{}$", quote(&text)), "").unwrap();
            prop_assert!(whole.is_match(&text));
            prop_assert_eq!(whole.is_match(&other), text == other);
        }

        #[test]
        fn unquoting_leaves_patterns_without_quotes_alone(pattern in r"([a-z.*+]|\\[dwsn.\\]){0,12}") {
            prop_assert_eq!(unquote(&pattern), pattern);
        }
    }
}
