//! A line as redis-cli reads it.

use api_types::control::CacheWord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One word of a command; any bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Word(Vec<u8>);

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Word {
    /// As text, for names.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl From<Word> for CacheWord {
    fn from(Word(bytes): Word) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes { base64: STANDARD.encode(error.as_bytes()) },
        }
    }
}

/// Cuts a line at its blanks, but not inside quotes.
///
/// # Errors
/// When a quote is not closed, or is followed by something else than a blank.
pub fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.chars().next() {
            Some('"') => quoted(rest, '"')?,
            Some('\'') => quoted(rest, '\'')?,
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                (Word::from(word), after)
            }
        };
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return Err("a closing quote must be followed by a blank".to_owned());
        }
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// The word in quotes at the beginning of `text`, and what comes after it.
fn quoted(text: &str, quote: char) -> Result<(Word, &str), String> {
    let mut bytes = Vec::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let after = text.get(at + quote.len_utf8()..).unwrap_or_default();
            return Ok((Word(bytes), after));
        }
        let escaped = if character == '\\' { characters.clone().next().map(|(_, escaped)| escaped) } else { None };
        let byte = match escaped {
            Some('x') if quote == '"' => {
                let digits = text.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                if digits.is_some() {
                    characters.nth(2);
                }
                digits
            }
            Some(escaped) if escaped == quote || (quote == '"' && "\\nrtab".contains(escaped)) => {
                characters.next();
                Some(match escaped {
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'a' => 7,
                    'b' => 8,
                    '\\' => b'\\',
                    _ => u8::try_from(quote).unwrap_or(b'"'),
                })
            }
            _ => None,
        };
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(format!("the quote {quote} is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<Vec<u8>> {
        words(line).unwrap().into_iter().map(|word| word.0).collect()
    }

    #[test]
    fn blanks_separate_words() {
        assert_eq!(read("  SET  a\t1 "), [b"SET".as_slice(), b"a", b"1"]);
        assert!(read("   ").is_empty());
    }

    #[test]
    fn quotes_keep_blanks_and_escapes_make_any_byte() {
        assert_eq!(read(r#"SET "a b" 'c "d"'"#), [b"SET".as_slice(), b"a b", b"c \"d\""]);
        assert_eq!(read(r#""\x00\xff\n\"\\é" 'it\'s \n' """#), [b"\0\xff\n\"\\\xc3\xa9".as_slice(), b"it's \\n", b""]);
        assert_eq!(read(r#""\xzz \q""#), [br"\xzz \q".as_slice()]);
    }

    #[test]
    fn a_quote_that_is_not_closed_or_glued_to_more_is_refused() {
        for line in ["\"a", "'a", "\"a\"b", r#""a\""#] {
            assert!(words(line).is_err(), "{line}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_travel_as_base64() {
        assert_eq!(CacheWord::from(Word::from("é")), CacheWord::Text("é".to_owned()));
        assert_eq!(CacheWord::from(Word(vec![0xff])), CacheWord::Bytes { base64: "/w==".to_owned() });
    }
}
