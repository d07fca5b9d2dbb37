//! The texts in a message, as its readers see them.

use std::fmt;

use serde_json::Value;

use crate::{MessageReceivedParams, MessageUpdateParams};

/// The part of a rich message that describes its file, and its part that is not displayed.
const FILE: &str = "_lcfile";
const UNSEEN_OF_A_FILE: [&str; 2] = ["url", "objId"];

/// The content of a message, read as client SDKs read it. Filter this, not the content itself: a word in a rich message may
/// be written `cr\u0061p` there.
///
/// ```
/// use hook_types::Content;
///
/// let mut content = Content::read(r#"{"_lctext":"Holy cr\u0061p!","_lctype":-1}"#, false)?;
/// assert_eq!(content.texts(), ["Holy crap!"]);
/// assert!(content.rewrite(|text| text.replace("crap", "**")));
/// assert_eq!(content.to_string(), r#"{"_lctext":"Holy **!","_lctype":-1}"#);
/// # Ok::<(), hook_types::UnreadableContent>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Plain(String),
    /// A rich message, or a plain text that happens to be JSON.
    Json(Value),
    /// Base64.
    Binary(String),
}

/// A content that one client may show as something else than another: refuse it.
#[derive(Debug)]
pub struct UnreadableContent(foreign_json::Error);

impl Content {
    /// Reads the `content` of params, with their `bin`.
    ///
    /// # Errors
    ///
    /// When it begins like a rich message (`{`) and is not JSON, or nests deeper than [`foreign_json::MAX_DEPTH`]. Some
    /// client SDKs are more lenient than others, so a hook cannot know what its readers would see.
    pub fn read(content: &str, bin: bool) -> Result<Self, UnreadableContent> {
        let form = if bin {
            Form::Binary(content.to_owned())
        } else {
            match foreign_json::from_str(content) {
                Ok(value) => Form::Json(value),
                Err(foreign_json::Error::Malformed(_)) if !begins_like_a_rich_message(content) => {
                    Form::Plain(content.to_owned())
                }
                Err(error) => return Err(UnreadableContent(error)),
            }
        };
        Ok(Self { form })
    }

    /// Every text that a reader may see: a plain message as it is, of a rich one all values that are texts, wherever they
    /// are, but the address and the id of its file. None of a binary one.
    pub fn texts(&self) -> Vec<&str> {
        match &self.form {
            Form::Plain(text) => vec![text],
            Form::Json(value) => texts(value).into_iter().map(String::as_str).collect(),
            Form::Binary(_) => Vec::new(),
        }
    }

    /// True when one of the texts contains the word.
    pub fn contains(&self, word: &str) -> bool {
        self.texts().iter().any(|text| text.contains(word))
    }

    /// Replaces each of the texts; true when one of them changed. Other parts stay as they are.
    pub fn rewrite(&mut self, mut rewrite: impl FnMut(&str) -> String) -> bool {
        let mut changed = false;
        for text in self.texts_mut() {
            let rewritten = rewrite(text);
            changed |= rewritten != *text;
            *text = rewritten;
        }
        changed
    }

    fn texts_mut(&mut self) -> Vec<&mut String> {
        match &mut self.form {
            Form::Plain(text) => vec![text],
            Form::Json(value) => texts_mut(value),
            Form::Binary(_) => Vec::new(),
        }
    }
}

/// As the content of a reply.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Plain(text) | Form::Binary(text) => f.write_str(text),
            Form::Json(value) => value.fmt(f),
        }
    }
}

impl MessageReceivedParams {
    /// The content of the message.
    ///
    /// # Errors
    ///
    /// Those of [`Content::read`]. Drop the message then: with a failure the app's policy may let it pass.
    pub fn read_content(&self) -> Result<Content, UnreadableContent> {
        Content::read(&self.content, self.bin)
    }
}

impl MessageUpdateParams {
    /// The new content of the message.
    ///
    /// # Errors
    ///
    /// Those of [`Content::read`]. Drop the change then: with a failure the app's policy may let it pass.
    pub fn read_content(&self) -> Result<Content, UnreadableContent> {
        Content::read(&self.content, self.bin)
    }
}

/// Lenient readers skip more than blanks.
fn begins_like_a_rich_message(content: &str) -> bool {
    let is_skipped = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{feff}';
    content.trim_start_matches(is_skipped).starts_with('{')
}

/// All texts of a value, in their order; once to read and once to write. No recursion: a guest has little stack.
macro_rules! texts_in {
    ($value:expr, $iter:ident) => {{
        let mut texts = Vec::new();
        let mut left = vec![$value];
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => texts.push(text),
                Value::Array(values) => left.extend(values.$iter().rev()),
                Value::Object(members) => {
                    for (key, value) in members.$iter().rev() {
                        if key != FILE {
                            left.push(value);
                            continue;
                        }
                        match value {
                            Value::Object(file) => {
                                let seen = file.$iter().rev().filter(|(key, _)| is_seen_of_a_file(key));
                                left.extend(seen.map(|(_, value)| value));
                            }
                            other => left.push(other),
                        }
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        texts
    }};
}

fn is_seen_of_a_file(key: &str) -> bool {
    !UNSEEN_OF_A_FILE.contains(&key)
}

fn texts(value: &Value) -> Vec<&String> {
    texts_in!(value, iter)
}

fn texts_mut(value: &mut Value) -> Vec<&mut String> {
    texts_in!(value, iter_mut)
}

impl fmt::Display for UnreadableContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message begins like a rich one and cannot be read: {}", self.0)
    }
}

impl std::error::Error for UnreadableContent {}
