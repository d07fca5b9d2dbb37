//! Author and reason of a release.

use thiserror::Error;

/// Longest name of an author, in characters.
const MAX_AUTHOR_CHARS: usize = 128;
/// Longest message, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The name that the caller gives, and the reason. It is not checked: each holder of the master key may release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    author: String,
    message: String,
}

/// A text that would break lists of releases.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidAttribution {
    /// Too long.
    #[error("the {what} of a release may have {limit} characters at most")]
    TooLong {
        /// `author` or `message`.
        what: &'static str,
        /// In characters.
        limit: usize,
    },
    /// Not to be printed.
    #[error("the {what} of a release may not contain control characters{}", if *what == "message" { " except line breaks" } else { "" })]
    ControlCharacter {
        /// `author` or `message`.
        what: &'static str,
    },
}

impl Attribution {
    /// Either may be empty.
    ///
    /// # Errors
    /// When a text is too long, or contains control characters; line breaks are allowed in the message.
    pub fn new(author: String, message: String) -> Result<Self, InvalidAttribution> {
        check("author", &author, MAX_AUTHOR_CHARS, char::is_control)?;
        check("message", &message, MAX_MESSAGE_CHARS, |character| character.is_control() && character != '\n')?;
        Ok(Self { author, message })
    }

    /// The author.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// Why.
    pub fn message(&self) -> &str {
        &self.message
    }
}

fn check(
    what: &'static str,
    text: &str,
    limit: usize,
    forbidden: impl Fn(char) -> bool,
) -> Result<(), InvalidAttribution> {
    if text.chars().count() > limit {
        return Err(InvalidAttribution::TooLong { what, limit });
    }
    if text.chars().any(forbidden) {
        return Err(InvalidAttribution::ControlCharacter { what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(author: &str, message: &str) -> Result<Attribution, InvalidAttribution> {
        Attribution::new(author.to_owned(), message.to_owned())
    }

    #[test]
    fn ordinary_texts_are_kept() {
        let by = new("Zoë@büro", "Fix the filter\n\nIt let through too much.").unwrap();
        assert_eq!((by.author(), by.message().lines().count()), ("Zoë@büro", 3));
        assert!(new("", "").is_ok());
    }

    #[test]
    fn texts_that_would_break_a_list_are_refused() {
        let too_long = |what, limit| Err(InvalidAttribution::TooLong { what, limit });
        assert_eq!(new(&"x".repeat(129), ""), too_long("author", 128));
        assert_eq!(new("", &"x".repeat(1_001)), too_long("message", 1_000));
        assert_eq!(new("a\nb", ""), Err(InvalidAttribution::ControlCharacter { what: "author" }));
        assert_eq!(new("", "\u{1b}[2J"), Err(InvalidAttribution::ControlCharacter { what: "message" }));
    }
}
