//! Replacing the words of a list in a text.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::list::{WordList, WordListError};
use super::text_parts::{Placed, TextParts, characters, characters_of_string, text_parts};

/// What stands in place of a word. It means the same inside of a JSON string.
const STARS: &str = "***";

/// A list of words, made ready to be found. Case does not matter, nor whether a letter is written at half or at full width.
pub struct WordFilter {
    words: AhoCorasick,
}

impl WordFilter {
    /// Makes a filter of a list; `None` when it has no words. It takes some milliseconds for a long list.
    ///
    /// # Errors
    /// The list is over a limit.
    pub fn new(list: &WordList) -> Result<Option<Self>, WordListError> {
        list.check()?;
        let words = list.words().iter().map(|word| word.trim()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(|word| word.chars().map(folded).collect()).collect();
        if words.is_empty() {
            return Ok(None);
        }
        // A DFA of so many words would take hundreds of megabytes.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(words);
        automaton.map(|words| Some(Self { words })).map_err(|error| WordListError::Unusable(error.to_string()))
    }

    /// The message with `***` in place of each word, where it has any. Of words that overlap the one that begins first is replaced, of
    /// those that begin together the longest; no word is left. All other bytes of the message stay as they are.
    ///
    /// Where the message would be longer than `most` bytes and longer than it was, a short word becomes as many stars as it has bytes.
    pub fn censored(&self, message: &str, most: usize) -> Option<String> {
        let found = match text_parts(message) {
            TextParts::Whole => self.found_in(characters(message)),
            TextParts::Strings(strings) => {
                strings.into_iter().flat_map(|inside| self.found_in(characters_of_string(message, inside))).collect()
            }
        };
        if found.is_empty() {
            return None;
        }
        let censored = replaced(message, &found, |_| STARS);
        if censored.len() <= most {
            return Some(censored);
        }
        Some(replaced(message, &found, |word| STARS.get(..word.len()).unwrap_or(STARS)))
    }

    /// Where the words in a text are, in its message.
    fn found_in(&self, characters: impl Iterator<Item = Placed>) -> Vec<Range<usize>> {
        let mut text = String::new();
        // Where a character begins in `text`, and where it stands in the message.
        let mut places = Vec::new();
        for (character, place) in characters {
            places.push((text.len(), place));
            text.push(folded(character));
        }
        let of_text = |range: Range<usize>| {
            let first = places.partition_point(|(at, _)| *at < range.start);
            let end = places.partition_point(|(at, _)| *at < range.end);
            let (_, begin) = places.get(first)?;
            let (_, last) = places.get(end.checked_sub(1)?)?;
            Some(begin.start..last.end)
        };
        self.words.find_iter(&text).filter_map(|found| of_text(found.range())).collect()
    }
}

/// `places` are in their order and do not overlap.
fn replaced(message: &str, places: &[Range<usize>], by: impl Fn(&Range<usize>) -> &'static str) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(message.len()), 0);
    for place in places {
        replaced.push_str(message.get(rest..place.start).unwrap_or_default());
        replaced.push_str(by(place));
        rest = place.end;
    }
    replaced.push_str(message.get(rest..).unwrap_or_default());
    replaced
}

/// What a character counts as: in lower case and at half width.
fn folded(character: char) -> char {
    /// From `！` to `～`, in the order of ASCII.
    const FULL_WIDTH: std::ops::RangeInclusive<char> = '\u{ff01}'..='\u{ff5e}';
    const TO_HALF_WIDTH: u32 = 0xfee0;
    let narrow = match character {
        '\u{3000}' => ' ',
        wide if FULL_WIDTH.contains(&wide) => char::from_u32(u32::from(wide) - TO_HALF_WIDTH).unwrap_or(wide),
        other => other,
    };
    let mut lower = narrow.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        // `İ` becomes two, which a character cannot.
        _ => narrow,
    }
}

impl std::fmt::Debug for WordFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WordFilter").field("words", &self.words.patterns_len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_LIST_BYTES, MAX_WORD_BYTES, WordList};
    use super::WordFilter;

    const NO_LIMIT: usize = usize::MAX;

    fn filter(words: &[&str]) -> WordFilter {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        WordFilter::new(&WordList::from(words)).unwrap().unwrap()
    }

    #[track_caller]
    fn becomes(words: &[&str], message: &str, expected: &str) {
        let censored = filter(words).censored(message, NO_LIMIT);
        assert_eq!(censored.as_deref().unwrap_or(message), expected, "{words:?} in {message}");
        if expected == message {
            assert_eq!(censored, None, "unchanged");
        }
    }

    #[test]
    fn each_word_becomes_three_stars() {
        becomes(&["crap"], "Holy crap, what crap!", "Holy ***, what ***!");
        becomes(&["crap"], "crapcrap", "******");
        becomes(&["x", "longest"], "the longest x", "the *** ***");
        becomes(&["crap"], "nothing here", "nothing here");
        becomes(&[" crap \r", "", "  "], "crap", "***");
    }

    #[test]
    fn case_and_width_do_not_matter_and_no_character_is_split() {
        becomes(&["Crap"], "CRAP cRaP ＣＲＡＰ ｃrａp", "*** *** *** ***");
        becomes(&["Ｃｒａｐ！"], "crap!", "***");
        becomes(&["БРАНЬ"], "брань", "***");
        becomes(&["bad word"], "bad\u{3000}word", "***");
        becomes(&["敏感"], "一敏感词", "一***词");
        // They differ in their last byte only.
        becomes(&["😀"], "😁😀", "😁***");
        becomes(&["i"], "İ", "İ");
        becomes(&["İ"], "xİy", "x***y");
    }

    #[test]
    fn of_overlapping_words_none_is_left() {
        becomes(&["abc", "bcd"], "abcd", "***d");
        becomes(&["ab", "abcd", "d"], "abcd abc", "*** ***c");
        becomes(&["b", "abcd"], "abc", "a***c");
    }

    #[test]
    fn of_a_rich_message_only_the_text_is_filtered_and_all_else_stays() {
        let bad = &["bad"];
        becomes(bad, r#"{"_lctype":-1,"_lctext":"a bad day"}"#, r#"{"_lctype":-1,"_lctext":"a *** day"}"#);
        becomes(
            bad,
            r#" { "bad" : "bad", "_lctext" : "\u0062ad \"bad\" \\bad\n" , "_lctype":1e400, "n": 1.0 } "#,
            r#" { "bad" : "bad", "_lctext" : "*** \"***\" \\***\n" , "_lctype":1e400, "n": 1.0 } "#,
        );
        becomes(bad, r#"{"_lctype":1,"_lcattrs":{"_lctext":"bad"}}"#, r#"{"_lctype":1,"_lcattrs":{"_lctext":"bad"}}"#);
        becomes(bad, r#"{"_lctype":1}"#, r#"{"_lctype":1}"#);
        // No rich message: all of it is text.
        becomes(bad, r#"{"bad":"bad"}"#, r#"{"***":"***"}"#);
        becomes(bad, r#"["bad", {"_lctype":1}]"#, r#"["***", {"_lctype":1}]"#);
        becomes(bad, r#"{"_lctype":1,"_lctext":"bad""#, r#"{"_lctype":1,"_lctext":"***""#);
    }

    #[test]
    fn no_way_of_writing_the_text_gets_past_the_filter() {
        let bad = &["bad", "😀"];
        for (message, expected) in [
            (r#"{"_lctype":1,"_lctext":"x","_lctext":"bad"}"#, r#"{"_lctype":1,"_lctext":"x","_lctext":"***"}"#),
            (r#"{"_lctype":1,"\u005flctext":"bad"}"#, r#"{"_lctype":1,"\u005flctext":"***"}"#),
            (
                r#"{"_lctext":["bad",["x bad"],1],"\u005Flctype":1}"#,
                r#"{"_lctext":["***",["x ***"],1],"\u005Flctype":1}"#,
            ),
            (r#"{"_lctype":1,"_lctext":"\ud83d\ude00 \ud83dbad"}"#, r#"{"_lctype":1,"_lctext":"*** \ud83d***"}"#),
            (r#"{"_lctype":1,"_lctext":"\ud83d\u0062ad\ude00"}"#, r#"{"_lctype":1,"_lctext":"\ud83d***\ude00"}"#),
        ] {
            becomes(bad, message, expected);
            assert!(foreign_json::from_str::<serde_json::Value>(expected).is_ok(), "{expected}");
        }
        let deep =
            format!(r#"{{"a":{}{},"_lctype":1,"_lctype":1,"_lctext":"bad"}}"#, "[".repeat(2000), "]".repeat(2000));
        becomes(bad, &deep, &deep.replace("bad", "***"));
    }

    #[test]
    fn a_message_grows_no_longer_than_it_may_be() {
        let filter = filter(&["a", "bb"]);
        assert_eq!(filter.censored("a bb", 8).unwrap(), "*** ***", "7 bytes");
        assert_eq!(filter.censored("a bb", 6).unwrap(), "* **");
        assert_eq!(filter.censored(&"a".repeat(5120), 5120).unwrap().len(), 5120);
        let rich = r#"{"_lctype":1,"_lctext":"\u0061a"}"#;
        assert_eq!(filter.censored(rich, 0).unwrap(), r#"{"_lctype":1,"_lctext":"****"}"#);
    }

    #[test]
    fn a_list_at_its_limits_is_usable() {
        let words = (0..MAX_LIST_BYTES / MAX_WORD_BYTES).map(|n| format!("{n:0>MAX_WORD_BYTES$}"));
        let filter = WordFilter::new(&WordList::from(words.collect::<Vec<_>>())).unwrap().unwrap();
        assert!(filter.words.memory_usage() < 16 << 20, "{} bytes", filter.words.memory_usage());
        let message = format!("{:0>128}", 77);
        assert_eq!(filter.censored(&message, NO_LIMIT).unwrap(), "***");
        assert!(WordFilter::new(&WordList::default()).unwrap().is_none());
        assert!(WordFilter::new(&WordList::from(vec![" ".to_owned()])).unwrap().is_none());
    }
}
