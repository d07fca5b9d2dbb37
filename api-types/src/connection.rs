//! Where a server is and with which keys: the file that a server leaves in its data folder for the commands.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::private_file::{self, WriteError};

/// The file of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFile {
    /// `connection.json`, of `hookd up` and `hookd im`: the addresses of all parts.
    Installation,
    /// `engine.json`, of `hookd engine`: the address of the engine alone.
    Engine,
}

impl ConnectionFile {
    /// Its path in a data folder.
    pub fn in_folder(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::Installation => "connection.json",
            Self::Engine => "engine.json",
        })
    }
}

/// An address, the keys of one app, and that of the installation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Base URL, no trailing slash; `unix:/path` of an engine that has only a socket.
    pub url: String,
    /// Base URL over TLS, where clients are served so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Where the IM core reaches the engine, when that is a process of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Where metrics are read without a key, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// App id.
    pub app_id: String,
    /// Key that clients send.
    pub app_key: String,
    /// Key with all rights on the app.
    pub master_key: String,
    /// Key that the platform sends when it calls a hook.
    pub hook_key: String,
    /// Key that creates and deletes apps; empty in a file of an older `hookd up`.
    #[serde(default)]
    pub admin_key: String,
    /// The data folder.
    pub data: PathBuf,
}

/// Why the file of a connection cannot be used.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The text is not a connection.
    #[error("`{}` is damaged; delete it and start the server again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        #[source]
        /// Where the text is wrong.
        problem: serde_json::Error,
    },
    /// The system does not let it be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        #[source]
        /// The system's error.
        problem: io::Error,
    },
    /// The system does not let it be deleted.
    #[error("cannot delete `{}`", path.display())]
    Undeletable {
        /// The file.
        path: PathBuf,
        #[source]
        /// The system's error.
        problem: io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
}

impl Connection {
    /// Writes address and keys for later client commands, readable by the owner only.
    ///
    /// # Errors
    /// The data folder does not take the file.
    pub fn save(&self, file: ConnectionFile) -> Result<(), ConnectionError> {
        let path = file.in_folder(&self.data);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|problem| ConnectionError::Damaged { path: path.clone(), problem })?;
        Ok(private_file::write(&path, &text)?)
    }

    /// The last connection in the folder: of `hookd up` or `hookd im`, else of `hookd engine`. `None` when no server
    /// was ever started there.
    ///
    /// # Errors
    /// A file cannot be read, or is damaged.
    pub fn load(data: &Path) -> Result<Option<Self>, ConnectionError> {
        match Self::load_from(data, ConnectionFile::Installation)? {
            Some(connection) => Ok(Some(connection)),
            None => Self::load_from(data, ConnectionFile::Engine),
        }
    }

    /// The content of one of the files; `None` when it does not exist.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn load_from(data: &Path, file: ConnectionFile) -> Result<Option<Self>, ConnectionError> {
        let path = file.in_folder(data);
        match std::fs::read(&path) {
            Ok(text) => {
                let read = serde_json::from_slice(&text);
                Ok(Some(read.map_err(|problem| ConnectionError::Damaged { path, problem })?))
            }
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(ConnectionError::Unreadable { path, problem }),
        }
    }

    /// Deletes the file of an engine that ran as a process of its own.
    ///
    /// # Errors
    /// The system does not let it be deleted.
    pub fn forget_engine(data: &Path) -> Result<(), ConnectionError> {
        let path = ConnectionFile::Engine.in_folder(data);
        match std::fs::remove_file(&path) {
            Err(problem) if problem.kind() != ErrorKind::NotFound => {
                Err(ConnectionError::Undeletable { path, problem })
            }
            _ => Ok(()),
        }
    }
}
