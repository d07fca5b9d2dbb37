//! The words that an app does not want.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Words of a list.
pub const MAX_WORDS: usize = 20_000;

/// Bytes of all words of a list. What they become in memory takes about twenty times as much.
pub const MAX_LIST_BYTES: usize = 256 * 1024;

/// Bytes of a word. In the worst case each byte of a message is compared with so many.
pub const MAX_WORD_BYTES: usize = 128;

/// Words, each as the app gave it. Copies share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct WordList(Arc<Vec<String>>);

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WordListError {
    /// Too many words.
    #[error("`word_list` has {0} words; at most {MAX_WORDS} are allowed")]
    TooManyWords(usize),
    /// Too many bytes.
    #[error("the words of `word_list` have {0} bytes together; at most {MAX_LIST_BYTES} are allowed")]
    TooLarge(usize),
    /// One word is too long.
    #[error("`word_list` has a word of {bytes} bytes at place {place}; a word has at most {MAX_WORD_BYTES}")]
    TooLong {
        /// The word's place in the list, from 1.
        place: usize,
        /// Its length.
        bytes: usize,
    },
    /// The words cannot be made into a filter.
    #[error("`word_list` cannot be applied: {0}")]
    Unusable(String),
}

impl WordList {
    /// True when nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Says whether a filter may be made of it.
    ///
    /// # Errors
    /// It is over a limit.
    pub fn check(&self) -> Result<(), WordListError> {
        if self.0.len() > MAX_WORDS {
            return Err(WordListError::TooManyWords(self.0.len()));
        }
        let bytes = self.0.iter().map(String::len).sum();
        if bytes > MAX_LIST_BYTES {
            return Err(WordListError::TooLarge(bytes));
        }
        match (1..).zip(&*self.0).find(|(_, word)| word.len() > MAX_WORD_BYTES) {
            Some((place, word)) => Err(WordListError::TooLong { place, bytes: word.len() }),
            None => Ok(()),
        }
    }

    /// True for copies of the same list, and for equal ones.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self == other
    }
}

impl From<Vec<String>> for WordList {
    fn from(words: Vec<String>) -> Self {
        Self(Arc::new(words))
    }
}

impl From<WordList> for Vec<String> {
    fn from(WordList(words): WordList) -> Self {
        Arc::unwrap_or_clone(words)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LIST_BYTES, MAX_WORD_BYTES, MAX_WORDS, WordList, WordListError};

    fn list(words: impl Iterator<Item = String>) -> WordList {
        WordList::from(words.collect::<Vec<_>>())
    }

    #[test]
    fn a_list_is_bounded_in_words_and_bytes_and_so_is_each_word() {
        let most = MAX_LIST_BYTES / MAX_WORD_BYTES;
        let long = || "x".repeat(MAX_WORD_BYTES);
        assert_eq!(list((0..most).map(|_| long())).check(), Ok(()));
        let error = list((0..=most).map(|_| long())).check().unwrap_err();
        assert_eq!(error, WordListError::TooLarge(MAX_LIST_BYTES + MAX_WORD_BYTES));
        let error = list((0..=MAX_WORDS).map(|_| "x".to_owned())).check().unwrap_err();
        assert!(error.to_string().contains("20001 words; at most 20000"), "{error}");
        let error = list(["good".to_owned(), "x".repeat(129)].into_iter()).check().unwrap_err();
        assert!(error.to_string().contains("129 bytes at place 2"), "{error}");
    }
}
