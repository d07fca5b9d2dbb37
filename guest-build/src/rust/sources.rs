//! The sources of a hook project: its own folder, the packages that it takes by path, the files of its workspace.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::toolchain::Toolchain;
use crate::{BuildError, Sources};

/// Cargo may have to load the index of a registry first; without a network that would never end.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Asks cargo. For a broken project, the known part is returned.
///
/// # Errors
/// Cargo cannot make out the project at all.
pub(super) async fn sources(project: &Path) -> Result<Sources, BuildError> {
    let toolchain = Toolchain::find()?;
    match metadata(&toolchain, project, &[]).await {
        Ok(metadata) => Ok(metadata.sources(project)),
        // A package beside it that is broken keeps cargo from resolving; the packages in the manifest are known
        // nevertheless.
        Err(_) => Ok(metadata(&toolchain, project, &["--no-deps"]).await?.sources(project)),
    }
}

async fn metadata(toolchain: &Toolchain, project: &Path, flags: &[&str]) -> Result<Metadata, BuildError> {
    let mut cargo = Command::from(toolchain.cargo());
    cargo.args(["metadata", "--format-version", "1"]).args(flags).current_dir(project);
    let asking = cargo.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    let answer = timeout(ANSWER_TIME, asking).await.map_err(BuildError::tool("`cargo metadata` does not end"))?;
    let answer = answer.map_err(BuildError::tool("cannot start cargo"))?;
    serde_json::from_slice(&answer.stdout).map_err(BuildError::tool("`cargo metadata` gave no answer"))
}

/// The output of cargo.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    resolve: Option<Resolve>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    /// None for a package that is taken by path.
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Metadata {
    fn sources(&self, project: &Path) -> Sources {
        let manifest = project.join("Cargo.toml");
        let own = self.packages.iter().find(|package| package.manifest_path == manifest);
        let mut packages = vec![project.to_owned()];
        packages.extend(own.iter().flat_map(|own| self.taken_by_path(own)).filter(|folder| folder != project));
        Sources {
            packages,
            workspace_manifest: Some(self.workspace_root.join("Cargo.toml")),
            lock_file: Some(self.workspace_root.join("Cargo.lock")),
            target: Some(self.target_directory.clone()),
        }
    }

    /// Folders of the packages that are built from this machine's files, in the order of the graph.
    fn taken_by_path(&self, own: &Package) -> Vec<PathBuf> {
        let Some(resolve) = &self.resolve else {
            return own.dependencies.iter().filter_map(|dependency| dependency.path.clone()).collect();
        };
        let nodes: HashMap<&str, &Node> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let packages: HashMap<&str, &Package> =
            self.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let (mut seen, mut next, mut folders) = (HashSet::new(), vec![own.id.as_str()], Vec::new());
        while let Some(id) = next.pop() {
            // What a registry's package needs comes from registries too.
            let Some(package) = packages.get(id).filter(|package| package.source.is_none() && seen.insert(id)) else {
                continue;
            };
            folders.extend(package.manifest_path.parent().map(Path::to_owned));
            next.extend(nodes.get(id).into_iter().flat_map(|node| &node.dependencies).map(String::as_str));
        }
        folders
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(name: &str, source: Option<&str>, path: Option<&str>) -> Value {
        json!({
            "id": name, "manifest_path": format!("/w/{name}/Cargo.toml"), "source": source,
            "dependencies": [{"path": path}],
        })
    }

    fn told(resolve: Value) -> Sources {
        let packages = [
            package("hooks", None, Some("/w/words")),
            package("words", None, Some("/w/deeper")),
            package("deeper", None, None),
            package("unrelated", None, None),
            package("serde", Some("registry"), None),
        ];
        let told = json!({
            "packages": packages, "workspace_root": "/w", "target_directory": "/w/target", "resolve": resolve,
        });
        serde_json::from_value::<Metadata>(told).unwrap().sources(Path::new("/w/hooks"))
    }

    #[test]
    fn packages_by_path_are_found_however_deep_and_nothing_else() {
        let nodes = json!({"nodes": [
            {"id": "hooks", "dependencies": ["words", "serde"]},
            {"id": "words", "dependencies": ["deeper", "hooks"]},
            {"id": "deeper", "dependencies": []},
            {"id": "unrelated", "dependencies": []},
            {"id": "serde", "dependencies": []},
        ]});
        let sources = told(nodes);
        assert_eq!(sources.packages, ["/w/hooks", "/w/words", "/w/deeper"].map(PathBuf::from));
        assert_eq!(sources.workspace_manifest, Some("/w/Cargo.toml".into()));
        assert_eq!(sources.target, Some("/w/target".into()));
    }

    #[test]
    fn a_graph_that_does_not_resolve_leaves_what_the_manifest_names() {
        assert_eq!(told(Value::Null).packages, ["/w/hooks", "/w/words"].map(PathBuf::from));
    }
}
