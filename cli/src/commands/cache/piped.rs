//! Commands from a file or a program: read line by line to the end, each answered in its turn.

use std::io::{BufRead, Read as _};

/// The control API takes no longer body.
const LONGEST_LINE: u64 = 2 << 20;

/// A line without its end; `None` at the end of the input.
///
/// # Errors
/// When the input cannot be read, or the line cannot be sent; then the next line can still be read.
pub fn next_line(input: &mut impl BufRead) -> std::io::Result<Option<Result<String, String>>> {
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(format!("the line is longer than {LONGEST_LINE} bytes"))));
    }
    let no_text = "the line is not valid UTF-8; write other bytes in double quotes, as \"\\xff\"";
    Ok(Some(String::from_utf8(line).map_err(|_| no_text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_sent_do_not_end_the_input() {
        let long = "x".repeat(5 << 20);
        let mut input = [b"one\r\n\xff\n".as_slice(), long.as_bytes(), b"\n\nlast"].concat();
        input.extend_from_slice(b" one");
        let mut input = input.as_slice();
        let mut all = Vec::new();
        while let Some(line) = next_line(&mut input).unwrap() {
            all.push(line);
        }
        assert_eq!(all.len(), 5);
        assert_eq!(all[0], Ok("one\r\n".to_owned()));
        assert!(all[1].as_ref().unwrap_err().contains("UTF-8") && all[2].as_ref().unwrap_err().contains("longer"));
        assert_eq!(all[3..], [Ok("\n".to_owned()), Ok("last one".to_owned())]);
    }
}
