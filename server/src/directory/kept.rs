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
    let step = format!("cannot keep `{}`", file.display());
    let saving = tokio::task::spawn_blocking(move || {
        let text = serde_json::to_vec(&value).map_err(std::io::Error::from)?;
        private_file::write(&file, &text).map_err(std::io::Error::other)
    });
    saving.await.map_err(std::io::Error::from).flatten().step(|| step)
}
