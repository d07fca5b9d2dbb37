//! `requirements.txt`: which packages pip has to install.

use std::fs;
use std::path::Path;

use crate::{BuildError, ProjectError};

/// The SDK has these itself.
const IN_THE_SDK: [&str; 4] = ["leancloud", "leancloud-sdk", "redis", "requests"];
/// They serve web pages, which hookd does not. The SDK has empty ones, so that files that name them load.
const FOR_THE_WEB: [&str; 13] = [
    "django",
    "flask",
    "flask-cors",
    "flask-session",
    "flask-sockets",
    "flask-sslify",
    "gevent",
    "gevent-websocket",
    "greenlet",
    "gunicorn",
    "uwsgi",
    "waitress",
    "werkzeug",
];
/// Files that name files.
const MAX_DEPTH: u32 = 8;

/// What is to be installed, and what is left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Lines for pip.
    pub(super) lines: Vec<String>,
    /// As they are written, for a word about it.
    pub(super) for_the_web: Vec<String>,
}

/// Reads the project's file, if it has one.
pub(super) fn read(project: &Path) -> Result<Requirements, BuildError> {
    let mut requirements = Requirements::default();
    let file = project.join("requirements.txt");
    if file.is_file() {
        add(&file, &mut requirements, 0)?;
    }
    Ok(requirements)
}

fn add(file: &Path, requirements: &mut Requirements, depth: u32) -> Result<(), BuildError> {
    if depth > MAX_DEPTH {
        return Err(ProjectError::new(format!("`{}` names files in a circle", file.display())).into());
    }
    let text = fs::read_to_string(file).map_err(BuildError::file("read", file))?;
    for line in text.replace("\\\n", " ").lines() {
        let line = without_comment(line);
        let included = ["-r ", "--requirement "].iter().find_map(|option| line.strip_prefix(option));
        if let Some(included) = included {
            add(&file.with_file_name(included.trim()), requirements, depth + 1)?;
            continue;
        }
        match name(line) {
            _ if line.is_empty() => {}
            Some(name) if FOR_THE_WEB.contains(&&*name) => requirements.for_the_web.push(name),
            Some(name) if is_replaced(&name) => {}
            _ => requirements.lines.push(line.to_owned()),
        }
    }
    Ok(())
}

/// True for a package whose place the SDK takes.
pub(super) fn is_replaced(name: &str) -> bool {
    IN_THE_SDK.contains(&name) || FOR_THE_WEB.contains(&name)
}

fn without_comment(line: &str) -> &str {
    let end = if line.trim_start().starts_with('#') { Some(0) } else { line.find(" #") };
    line.get(..end.unwrap_or(line.len())).unwrap_or(line).trim()
}

/// The package of a line, as registries write it. None for options and addresses.
fn name(line: &str) -> Option<String> {
    let end = line.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
    let name = line.get(..end.unwrap_or(line.len()))?;
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) || line.contains("://") {
        return None;
    }
    Some(name.to_ascii_lowercase().replace(['_', '.'], "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_has_is_left_out_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let text = "# the app\nLeanCloud>=2.0,<3.0\nFlask==1.0 # pages\nFlask_Sockets\nredis\n\npypinyin==0.50\n\
                    requests[security]>=2; python_version > '3'\n-r more.txt\n";
        fs::write(folder.path().join("requirements.txt"), text).unwrap();
        fs::write(folder.path().join("more.txt"), "--index-url https://example.org\nsix \\\n  >=1.0\n").unwrap();
        let requirements = read(folder.path()).unwrap();
        assert_eq!(requirements.lines, ["pypinyin==0.50", "--index-url https://example.org", "six    >=1.0"]);
        assert_eq!(requirements.for_the_web, ["flask", "flask-sockets"]);
    }

    #[test]
    fn files_in_a_circle_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("requirements.txt"), "-r requirements.txt\n").unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("in a circle"));
    }

    #[test]
    fn a_project_without_the_file_needs_nothing() {
        assert_eq!(read(tempfile::tempdir().unwrap().path()).unwrap(), Requirements::default());
    }
}
