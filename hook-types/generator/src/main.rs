//! Writes the generated files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use hook_types_generator::generated_files;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in generated_files()? {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        }
        fs::write(&path, file.text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
