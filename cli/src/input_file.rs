//! Files and streams that a user names: read to a bound, since they may be devices without an end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::exit::InputError;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Everything in a file, or from standard input where `source` is `-`.
///
/// # Errors
/// It cannot be read, or is larger than `most` bytes; the text names it as `what`.
pub fn read(source: &Path, what: &str, most: u64) -> Result<Vec<u8>, InputError> {
    let (name, read) = if source.as_os_str() == "-" {
        ("standard input".to_owned(), read_at_most(io::stdin().lock(), most))
    } else {
        // A file that is too large is not read; a device has no length.
        let file = File::open(source).and_then(|file| Ok((file.metadata()?.len(), file)));
        let read = file.and_then(|(length, file)| if length > most { Ok(None) } else { read_at_most(file, most) });
        (source.display().to_string(), read)
    };
    match read {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(InputError::new(format!("`{name}` is larger than {what} may be: {} MiB", most >> 20))),
        Err(error) => Err(InputError::new(format!("cannot read {what} from `{name}`: {error}"))),
    }
}

/// The same for text, which some editors begin with a byte-order mark: that is left out.
///
/// # Errors
/// As [`read`].
pub fn read_text(source: &Path, what: &str, most: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = read(source, what, most)?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// None when there is more.
fn read_at_most(source: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(u64::try_from(bytes.len()).is_ok_and(|length| length <= most).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_longer_than_allowed_is_refused_and_the_longest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read(&path, "a test", 1 << 20).unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(read(&path, "a test", 1 << 20).unwrap_err().to_string().contains("larger than a test may be: 1 MiB"));
        assert!(read(Path::new("/dev/zero"), "a test", 1 << 20).unwrap_err().to_string().contains("`/dev/zero`"));
        assert!(read(folder.path(), "a test", 1 << 20).unwrap_err().to_string().contains("cannot read a test"));
    }
}
