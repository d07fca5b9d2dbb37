//! The part of `hookd settings` that is about words that messages must not hold.

use std::path::{Path, PathBuf};

use api_types::control::ImSettingsPatch;
use clap::Args;

use super::feature_settings::Switch;
use crate::exit::InputError;
use crate::input_file;

/// The word that takes the list away.
const NONE: &str = "none";

/// More than a list may have, with the ends of its lines.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Words that messages must not hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Word filter")]
pub struct WordSettings {
    /// A file with the words that are replaced by `***` in messages: UTF-8 text, one word per line; `none` takes the list away. In
    /// other case, or at full width, they are the same words.
    #[arg(long, value_name = "FILE|none")]
    word_list: Option<PathBuf>,
    /// Filter messages of two clients to each other as well. In larger conversations and in chat rooms they always are.
    #[arg(long, value_enum, value_name = "on|off")]
    word_filter_direct: Option<Switch>,
}

impl WordSettings {
    /// Adds the given values.
    ///
    /// # Errors
    /// The file cannot be read, or has no words.
    pub fn add_to(&self, patch: &mut ImSettingsPatch) -> Result<(), InputError> {
        patch.word_list = match &self.word_list {
            None => None,
            Some(none) if none.as_os_str() == NONE => Some(Vec::new()),
            Some(file) => Some(words(file)?),
        };
        patch.word_filter_direct = self.word_filter_direct.map(Switch::is_on);
        Ok(())
    }
}

fn words(file: &Path) -> Result<Vec<String>, InputError> {
    let bytes = input_file::read_text(file, "a word list", MAX_FILE_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let lines = error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n');
        let line = lines.count() + 1;
        InputError::new(format!("`{}` is not UTF-8: line {line} is not", file.display()))
    })?;
    let words: Vec<String> = text.lines().map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.is_empty() {
        let refused = InputError::new(format!("`{}` has no words", file.display()));
        return Err(refused.hint("`--word-list none` takes the list away"));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_list_has_one_word_per_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words.txt");
        std::fs::write(&file, "\u{feff}crap\r\n\n  bad word \n敏感").unwrap();
        assert_eq!(words(&file).unwrap(), ["crap", "bad word", "敏感"]);
        std::fs::write(&file, b"crap\n\xb4\xf3\n").unwrap();
        assert!(words(&file).unwrap_err().to_string().contains("is not UTF-8: line 2"));
        std::fs::write(&file, " \n").unwrap();
        assert!(words(&file).unwrap_err().to_string().contains("has no words"));
    }
}
