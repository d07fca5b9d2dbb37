//! Which server and app a project folder talks to, and the keys that `hookd switch` was given.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Of hookd's own things in a project.
const FOLDER: &str = ".hookd";
const FILE: &str = "link.toml";

/// The link of a project. Holds no key: it may be committed with the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Base URL, no trailing slash.
    pub url: String,
    /// App id.
    pub app: String,
}

impl Link {
    /// The link of a folder or of the nearest one above it, and its path.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn find(folder: &Path) -> anyhow::Result<Option<(Self, PathBuf)>> {
        for folder in folder.ancestors() {
            let path = folder.join(FOLDER).join(FILE);
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let link = toml::from_str(&text).with_context(|| {
                        format!("`{}` is damaged; make it anew with `hookd switch`", path.display())
                    })?;
                    return Ok(Some((link, path)));
                }
                // An unreadable folder above holds no link of this user.
                Err(_) => continue,
            }
        }
        Ok(None)
    }

    /// Links a folder; answers where that was written.
    pub fn save(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let folder = folder.join(FOLDER);
        let path = folder.join(FILE);
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, toml::to_string(self).map_err(std::io::Error::other)?))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(path)
    }
}

/// Master keys by server and app, in the user's own configuration folder.
#[derive(Default, Serialize, Deserialize)]
pub struct KnownKeys {
    #[serde(default)]
    keys: Vec<KnownKey>,
}

#[derive(Serialize, Deserialize)]
struct KnownKey {
    url: String,
    app: String,
    master_key: String,
}

impl KnownKeys {
    /// The saved keys, and the file that holds them. Without a file there are no keys.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn load() -> anyhow::Result<(Self, PathBuf)> {
        let Some(path) = keys_file() else { return Ok((Self::default(), PathBuf::new())) };
        let keys = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .with_context(|| format!("`{}` is damaged; delete it and use `hookd switch` again", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        };
        Ok((keys, path))
    }

    /// The master key of an app. A key is only ever shown to the server that it was saved for.
    pub fn master_key(&self, url: &str, app: &str) -> Option<&str> {
        let known = self.keys.iter().find(|known| known.url == url && known.app == app);
        known.map(|known| known.master_key.as_str())
    }

    /// Saves a key, readable by the owner only.
    pub fn remember(&mut self, url: &str, app: &str, master_key: &str) -> anyhow::Result<()> {
        self.keys.retain(|known| known.url != url || known.app != app);
        self.keys.push(KnownKey { url: url.to_owned(), app: app.to_owned(), master_key: master_key.to_owned() });
        let path = keys_file().context("this system has no folder for a user's configuration")?;
        let folder = path.parent().context("the file of the keys has no parent directory")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        // A temporary file is private (0600), and the rename keeps it so.
        let mut file = tempfile::NamedTempFile::new_in(folder)
            .with_context(|| format!("cannot write in `{}`", folder.display()))?;
        file.write_all(toml::to_string(self)?.as_bytes())?;
        file.persist(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(())
    }
}

fn keys_file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join("hookd").join("keys.toml"))
}
