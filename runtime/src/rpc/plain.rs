//! The one form of HTTP that almost every call of the RPC has, read and written without a general HTTP server.
//!
//! Building what a general server hands over, and taking its answer apart again, costs a call as much as a small guest. So a
//! request of the plainest form is read where it lies. Nothing is refused here: what is not plain beyond doubt is
//! [`Received::Other`], and a general server reads it from its first byte on.

use std::mem::MaybeUninit;
use std::time::SystemTime;

use httparse::{Request, Status};

use super::Head;
use super::headers::RequestHeaders;
use super::reply::Reply;
use super::service::Place;

/// More than browsers, proxies and the IM core send.
const MAX_HEADERS: usize = 48;

/// Larger ones are rare: a head is read again whenever more of it came, and a body is copied.
const MAX_HEAD_BYTES: usize = 8 << 10;
const MAX_REQUEST_BYTES: usize = 64 << 10;

#[expect(clippy::large_enum_variant, reason = "looked at where it lies, and never kept")]
/// What the bytes are that have come on a connection.
pub enum Received<'a> {
    /// Nothing, or the beginning of a head that may be plain.
    PartOfHead,
    /// A plain request that misses a part of its body.
    PartOfBody,
    /// A whole plain request, and maybe what comes after it.
    Plain(PlainRequest<'a>),
    /// Anything else.
    Other,
}

/// A whole POST to the RPC.
pub struct PlainRequest<'a> {
    pub(super) head: Head<'a>,
    pub(super) body: &'a [u8],
    bytes: usize,
}

impl PlainRequest<'_> {
    /// Length of head and body.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<'a> Received<'a> {
    /// Looks at all bytes that came and were not answered yet.
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = Request::new(&mut []);
        let head_bytes = match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return Self::PartOfHead,
            Ok(Status::Partial) | Err(_) => return Self::Other,
        };
        let Some((path, query)) = target(&request) else { return Self::Other };
        let Some(body_bytes) = body_bytes(request.headers) else { return Self::Other };
        let request_bytes = head_bytes.saturating_add(body_bytes);
        if request_bytes > MAX_REQUEST_BYTES {
            return Self::Other;
        }
        let Some(body) = bytes.get(head_bytes..request_bytes) else { return Self::PartOfBody };
        let lines = request.headers.iter().map(|header| (header.name, header.value));
        let head = Head { is_options: false, path, query, headers: RequestHeaders::read(lines) };
        Self::Plain(PlainRequest { head, body, bytes: request_bytes })
    }
}

/// Path and query of a POST to a function by HTTP/1.1. Characters that a general server might refuse are for it to look at.
fn target<'a>(request: &Request<'_, 'a>) -> Option<(&'a str, Option<&'a str>)> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%?=&:@!$'()*+,;".contains(&byte);
    let target = request.path.filter(|target| target.bytes().all(is_plain))?;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let is_call = request.method == Some("POST") && request.version == Some(1) && Place::of(path) == Place::Functions;
    is_call.then_some((path, query))
}

/// Length of the body, where it is said once and in the plainest way, and nothing else concerns the connection.
fn body_bytes(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let mut length = None;
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // Told apart by their lengths first, as almost all other names can be.
        match header.name.len() {
            14 if is("content-length") => match length {
                None => length = Some(decimal(header.value)?),
                Some(_) => return None,
            },
            10 if is("connection") && !header.value.eq_ignore_ascii_case(b"keep-alive") => return None,
            17 if is("transfer-encoding") => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") || is("trailer") => return None,
            _ => {}
        }
    }
    length
}

/// Up to six digits, and nothing but digits.
fn decimal(text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > 6 {
        return None;
    }
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| 10 * sum + usize::from(byte - b'0')))
}

/// Writes answers of one connection.
#[derive(Debug, Default)]
pub struct AnswerWriter {
    /// The time in the form of HTTP, and the second that it stands for.
    date: (u64, String),
}

impl AnswerWriter {
    /// Appends an answer to `out`. The `last` one says that the connection ends with it.
    pub fn write(&mut self, answer: &Reply, last: bool, out: &mut Vec<u8>) {
        let status = answer.status();
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(status.canonical_reason().unwrap_or("<none>").as_bytes());
        for (name, value) in answer.headers() {
            line(out, name.as_str(), value.as_bytes());
        }
        if last {
            line(out, "connection", b"close");
        }
        line(out, "content-length", itoa::Buffer::new().format(answer.body().len()).as_bytes());
        line(out, "date", self.date().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(answer.body());
    }

    fn date(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.date.0 != second || self.date.1.is_empty() {
            self.date = (second, httpdate::fmt_http_date(now));
        }
        &self.date.1
    }
}

/// After the end of a line, without its own.
fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    const HEAD: &str = "POST /1.1/functions/hello HTTP/1.1\r\nHost: a\r\n";

    /// `Some(None)` for what is incomplete, `None` for what is not plain.
    fn body(text: &str) -> Option<Option<String>> {
        match Received::read(text.as_bytes()) {
            Received::PartOfHead | Received::PartOfBody => Some(None),
            Received::Plain(request) => Some(Some(String::from_utf8(request.body.to_vec()).unwrap())),
            Received::Other => None,
        }
    }

    #[test]
    fn a_whole_request_is_read_as_far_as_it_goes() {
        let text = format!(
            "{}X-LC-Id: demo\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\n{{}}",
            HEAD.replace("hello", "hello?deadline-ms=5&a=1"),
        );
        let two = format!("{text}{text}");
        let Received::Plain(request) = Received::read(two.as_bytes()) else { panic!("it is plain") };
        assert_eq!((request.body, request.bytes()), (b"{}".as_slice(), text.len()));
        assert_eq!((request.head.path, request.head.query), ("/1.1/functions/hello", Some("deadline-ms=5&a=1")));
        assert_eq!(request.head.headers.content_type(), "application/json");
    }

    #[test]
    fn any_part_of_a_request_is_incomplete() {
        let text = format!("{HEAD}content-length: 2\r\n\r\n{{}}");
        for end in 0..text.len() {
            assert_eq!(body(&text[..end]), Some(None), "{end}");
        }
        assert_eq!(body(&text), Some(Some("{}".to_owned())));
    }

    #[test]
    fn what_says_more_than_a_length_about_body_or_connection_is_not_plain() {
        for lines in [
            "",
            "transfer-encoding: chunked\r\n",
            "content-length: 2\r\ntransfer-encoding: chunked\r\n",
            "content-length: 2\r\nTransfer-Encoding: identity\r\n",
            "content-length: 2\r\ncontent-length: 2\r\n",
            "content-length: 2\r\nContent-Length: 3\r\n",
            "content-length: +2\r\n",
            "content-length: 2, 2\r\n",
            "content-length: 0x2\r\n",
            "content-length: -2\r\n",
            "content-length:\r\n",
            "content-length: 1000000\r\n",
            "content-length: 2\r\nconnection: close\r\n",
            "content-length: 2\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
            "content-length: 2\r\nconnection: keep-alive, x-lc-id\r\n",
            "content-length: 2\r\nupgrade: h2c\r\n",
            "content-length: 2\r\nexpect: 100-continue\r\n",
            "content-length: 2\r\ntrailer: x-a\r\n",
            "content-length : 2\r\n",
            "content-length: 2\r\n folded: 3\r\n",
        ] {
            assert_eq!(body(&format!("{HEAD}{lines}\r\n{{}}")), None, "{lines}");
        }
    }

    #[test]
    fn what_is_not_for_the_rpc_is_not_plain() {
        for line in [
            "GET /1.1/functions/hello HTTP/1.1",
            "OPTIONS /1.1/functions/hello HTTP/1.1",
            "post /1.1/functions/hello HTTP/1.1",
            "POST /1.1/functions/hello HTTP/1.0",
            "POST /1.1/rtm/messages HTTP/1.1",
            "POST http://a/1.1/functions/hello HTTP/1.1",
            "POST /1.1/functions/hello#a HTTP/1.1",
            "POST /1.1/functions/\"hello\" HTTP/1.1",
            "POST /1.1/functions/h\u{e9}llo HTTP/1.1",
            "PRI * HTTP/2.0",
            "\u{16}\u{3}\u{1}",
        ] {
            assert_eq!(body(&format!("{line}\r\ncontent-length: 2\r\n\r\n{{}}")), None, "{line}");
        }
    }

    #[test]
    fn large_requests_are_not_plain() {
        let head = format!("{HEAD}x-a: {}", "a".repeat(MAX_HEAD_BYTES));
        assert_eq!(body(&head), None, "a head that goes on");
        let many = "x-a: b\r\n".repeat(MAX_HEADERS);
        assert_eq!(body(&format!("{HEAD}{many}content-length: 2\r\n\r\n{{}}")), None, "many headers");
        assert_eq!(body(&format!("{HEAD}content-length: {MAX_REQUEST_BYTES}\r\n\r\n")), None, "a large body");
    }

    #[test]
    fn an_answer_has_its_length_and_date() {
        let answer = Reply::new(418, "{}").with(header::RETRY_AFTER, HeaderValue::from_static("1"));
        let (mut writer, mut out) = (AnswerWriter::default(), Vec::new());
        writer.write(&answer, false, &mut out);
        let first = String::from_utf8(std::mem::take(&mut out)).unwrap();
        let (before, date) = first.split_once("date: ").unwrap();
        assert_eq!(before, "HTTP/1.1 418 I'm a teapot\r\nretry-after: 1\r\ncontent-length: 2\r\n");
        let (date, body) = date.split_once("\r\n\r\n").unwrap();
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
        assert_eq!(body, "{}");
        writer.write(&answer, true, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("\r\nconnection: close\r\n"));
    }
}
