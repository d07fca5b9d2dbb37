//! Replacing the words that an app does not want in messages (S-52, S-53).
//!
//! A [`WordList`] is a setting. A [`WordFilter`] is made of it when settings change, and is used for every message of the app.

mod censor;
mod list;
mod of_apps;
mod text_parts;

pub use self::censor::WordFilter;
pub use self::list::{MAX_LIST_BYTES, MAX_WORD_BYTES, MAX_WORDS, WordList, WordListError};
pub(crate) use self::of_apps::WordFilters;
