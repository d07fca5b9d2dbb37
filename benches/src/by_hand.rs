//! The part of a page that people write, which a run leaves as it is.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;

const END: &str = "<!-- end of what is by hand -->";

/// That part of the page at `path` with the lines around it, which name the command that writes the rest.
///
/// # Errors
/// When there is a page that cannot be read.
pub fn kept(path: &Path, command: &str) -> anyhow::Result<String> {
    let former = match std::fs::read_to_string(path) {
        Ok(former) => former,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let begin = begin(command);
    Ok(format!("{begin}\n\n{}\n\n{END}\n", between(&former, &begin)))
}

fn begin(command: &str) -> String {
    format!("<!-- by hand: `{command}` keeps this part -->")
}

fn between<'a>(page: &'a str, begin: &str) -> &'a str {
    let after = page.split_once(begin).map_or("", |(_, after)| after);
    after.split_once(END).map_or("", |(between, _)| between).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_by_hand_stays() {
        let begin = begin("make bench");
        let page = format!("# Performance\n\n{begin}\n\nAn *odd* thing.\n\n| a |\n\n{END}\n\n| table |\n");
        assert_eq!(between(&page, &begin), "An *odd* thing.\n\n| a |");
        assert_eq!(between("# Performance\n", &begin), "");
    }
}
