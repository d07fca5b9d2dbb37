//! A file's lines, the last one first, in bounded memory: also for a damaged file.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const BLOCK: usize = 256 << 10;
/// Lines that are written have a few kilobytes; longer data are not a line.
const LONGEST_LINE: usize = 1 << 20;

/// The bytes between two ends of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A line without its end; may be empty.
    Line(&'a [u8]),
    /// More bytes than any line has.
    TooLong,
    /// The bytes after the last end: a line that is being written, or was cut off.
    Unfinished(&'a [u8]),
}

/// Passes each found line to `each`, from the end of the file to its beginning or until it breaks. Blocks on the disk.
pub(super) fn read(path: &Path, mut each: impl FnMut(Found<'_>) -> ControlFlow<()>) -> io::Result<()> {
    let file = File::open(path)?;
    let mut position = file.metadata()?.len();
    let mut block = vec![0; BLOCK];
    let mut line = Line { end: Vec::new(), too_long: false, unfinished: true };
    while position > 0 {
        let length = usize::try_from(position).unwrap_or(BLOCK).min(BLOCK);
        position -= length as u64;
        let (bytes, _) = block.split_at_mut(length);
        file.read_exact_at(bytes, position)?;
        let mut pieces = bytes.rsplit(|&byte| byte == b'\n');
        let last = pieces.next().unwrap_or_default();
        let mut flow = line.begins_earlier(last, &mut each);
        for piece in pieces {
            if flow.is_continue() {
                flow = line.complete(&mut each);
            }
            if flow.is_continue() {
                flow = line.begins_earlier(piece, &mut each);
            }
        }
        if flow.is_break() {
            return Ok(());
        }
    }
    let _ = line.complete(&mut each);
    Ok(())
}

/// The line whose beginning was not reached yet.
struct Line {
    end: Vec<u8>,
    /// It was shown as such already, and the rest of it is passed over.
    too_long: bool,
    /// No end of a line was found so far.
    unfinished: bool,
}

impl Line {
    fn begins_earlier(&mut self, piece: &[u8], each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        if self.too_long {
            return ControlFlow::Continue(());
        }
        if self.end.len() + piece.len() > LONGEST_LINE {
            self.too_long = true;
            self.end = Vec::new();
            return each(Found::TooLong);
        }
        self.end.splice(..0, piece.iter().copied());
        ControlFlow::Continue(())
    }

    fn complete(&mut self, each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let unfinished = std::mem::replace(&mut self.unfinished, false);
        let flow = match (std::mem::replace(&mut self.too_long, false), unfinished) {
            (true, _) => ControlFlow::Continue(()),
            (false, true) => each(Found::Unfinished(&self.end)),
            (false, false) => each(Found::Line(&self.end)),
        };
        self.end.clear();
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The found lines as text.
    fn found(content: &[u8], most: usize) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let mut all = Vec::new();
        read(file.path(), |found| {
            all.push(match found {
                Found::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Found::TooLong => "too long".to_owned(),
                Found::Unfinished(line) => format!("unfinished {}", String::from_utf8_lossy(line)),
            });
            if all.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        all
    }

    #[test]
    fn lines_come_from_the_end_whole_over_all_blocks() {
        let lines: Vec<String> = (0..40_000).map(|number| format!("{number:020}")).collect();
        let mut expected = lines.clone();
        expected.push("unfinished ".to_owned());
        expected.reverse();
        assert_eq!(found(format!("{}\n", lines.join("\n")).as_bytes(), usize::MAX), expected);
        assert_eq!(found(format!("{}\n", lines.join("\n")).as_bytes(), 3), expected[..3]);
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole_and_one_beyond_all_bounds_is_reported_once() {
        let (long, huge) = ("x".repeat(BLOCK + 7), "y".repeat(3 * LONGEST_LINE));
        let content = format!("first\n{huge}\n{long}\nlast");
        assert_eq!(found(content.as_bytes(), usize::MAX), ["unfinished last", &long, "too long", "first"]);
        assert_eq!(found(huge.as_bytes(), usize::MAX), ["too long"]);
    }

    #[test]
    fn empty_files_and_empty_lines_are_read() {
        assert_eq!(found(b"", usize::MAX), ["unfinished "]);
        assert_eq!(found(b"\n\na\n", usize::MAX), ["unfinished ", "a", "", ""]);
    }
}
