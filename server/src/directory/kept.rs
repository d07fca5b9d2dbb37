//! Files of the data folder in which the IM core keeps what the engine sent.

use std::path::PathBuf;

use api_types::private_file;
use serde::Serialize;

use crate::error::{ServerError, Step as _};

/// Replaces a file by this value as JSON, without blocking.
///
/// # Errors
/// The data folder does not take the file.
pub(super) async fn save(file: PathBuf, value: impl Serialize + Send + 'static) -> Result<(), ServerError> {
    let saving = tokio::task::spawn_blocking(move || {
        let text = serde_json::to_vec(&value).step(|| format!("cannot write `{}`", file.display()))?;
        Ok(private_file::write(&file, &text)?)
    });
    saving.await.map_err(std::io::Error::from)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::with_causes;

    #[tokio::test]
    async fn an_error_names_the_file_and_each_cause_once() {
        let folder = tempfile::tempdir().unwrap();
        let error = save(folder.path().join("missing/directory.json"), ()).await.unwrap_err();
        let text = with_causes(&error);
        for part in ["directory.json", "No such file"] {
            assert_eq!(text.matches(part).count(), 1, "{text}");
        }
    }
}
