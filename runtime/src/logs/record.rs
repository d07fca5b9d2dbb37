//! A line as it is kept in a file: one object of JSON a line, so that an operator's own tools read it.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::ring::micros;
use super::{LogLevel, LogLine};
use api_types::Environment;

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    id: u64,
    /// Microseconds since 1970.
    at_us: u64,
    level: LogLevel,
    environment: Option<Environment>,
    version: u64,
    #[serde(borrow)]
    function: Cow<'a, str>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Appends the line and its end to `file`.
pub(super) fn write(line: &LogLine, file: &mut Vec<u8>) {
    let record = Record {
        id: line.id,
        at_us: micros(line.time),
        level: line.level,
        environment: line.environment,
        version: line.version,
        function: Cow::Borrowed(&line.function),
        request_id: Cow::Borrowed(&line.request_id),
        source: Cow::Borrowed(&line.source),
        text: Cow::Borrowed(&line.text),
    };
    let before = file.len();
    if serde_json::to_writer(&mut *file, &record).is_err() {
        // Strings and numbers always become JSON; were it not so, half a line would spoil the next one.
        file.truncate(before);
        return;
    }
    file.push(b'\n');
}

/// `None` for bytes that are not a line of this log: a file may be cut off or damaged.
pub(super) fn read(bytes: &[u8]) -> Option<LogLine> {
    let record: Record<'_> = serde_json::from_slice(bytes).ok()?;
    Some(LogLine {
        id: Some(record.id).filter(|&id| is_id(id))?,
        time: time(record.at_us)?,
        environment: record.environment,
        level: record.level,
        source: record.source.into_owned(),
        text: record.text.into_owned(),
        version: record.version,
        function: record.function.into_owned(),
        request_id: record.request_id.into_owned(),
    })
}

/// Microseconds from 1970 to the first moment that cannot be shown; a damaged file may hold a later one.
const YEAR_10000_US: u64 = 253_402_300_800_000_000;

/// True for a number that a line may have: about the time at which it was written.
pub(super) fn is_id(id: u64) -> bool {
    id < YEAR_10000_US
}

fn time(at_us: u64) -> Option<SystemTime> {
    (at_us < YEAR_10000_US).then(|| UNIX_EPOCH + Duration::from_micros(at_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_went() {
        let line = LogLine {
            id: 7,
            time: UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
            environment: Some(Environment::Staging),
            level: LogLevel::Warn,
            source: "stderr".to_owned(),
            text: "with \"quotes\", ünlaut and \\n".to_owned(),
            version: 3,
            function: "hello".to_owned(),
            request_id: "r1".to_owned(),
        };
        let mut file = Vec::new();
        write(&line, &mut file);
        assert_eq!(file.iter().filter(|&&byte| byte == b'\n').count(), 1);
        assert_eq!(read(&file), Some(line));
    }

    #[test]
    fn other_bytes_than_a_line_are_none() {
        let late = r#"{"id":1,"at_us":18446744073709551615,"level":"info","environment":null,"version":1,"function":"f","request_id":"r","source":"s","text":"t"}"#;
        let far = r#"{"id":18446744073709551615,"at_us":1,"level":"info","environment":null,"version":1,"function":"f","request_id":"r","source":"s","text":"t"}"#;
        for bytes in [b"".as_slice(), b"{", b"\xff\xfe\0", br#"{"id":1}"#, b"[]", late.as_bytes(), far.as_bytes()] {
            assert_eq!(read(bytes), None);
        }
    }
}
