//! The log of an app's functions: the kept lines, and new ones.

use api_types::control::{self, LogEvent, LogsQuery};
use api_types::rfc3339;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use hookd_runtime::{LogBatch, LogHistory, LogLine, LogQuery, LogReader, LogsError, Unreadable};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::input::Parameters;
use super::{ApiError, Authorized, Control, internal, keep_alive};

/// Most lines in one answer that does not follow: more than any app keeps of short ones.
const MAX_LINES: usize = 100_000;

/// Lines that are text at a time: all of a long log would be in memory twice.
const CHUNK_LINES: usize = 1_000;

fn checked(asked: LogsQuery) -> Result<LogQuery, ApiError> {
    let time = |name: &str, text: Option<String>| {
        let Some(text) = text else { return Ok(None) };
        humantime::parse_rfc3339(&text).map(Some).map_err(|problem| {
            ApiError::BadRequest(format!("`{name}` is not a time: {problem}; write it as 2026-11-21T05:16:36Z"))
        })
    };
    Ok(LogQuery {
        limit: asked.limit.unwrap_or(MAX_LINES).min(MAX_LINES),
        function: asked.function,
        request_id: asked.request_id,
        environment: asked.environment,
        level: asked.level,
        since: time("since", asked.since)?,
        until: time("until", asked.until)?,
    })
}

/// One JSON event a line: a line of the log, how many were dropped before the next one, or, before all, what lies on disk
/// and cannot be read.
pub(super) async fn read(
    State(server): State<Control>,
    Authorized(app): Authorized,
    Parameters(asked): Parameters<LogsQuery>,
) -> Result<Response, ApiError> {
    let follow = asked.follow;
    let query = checked(asked)?;
    let history = server.engine.logs(&app.id, &query).await.ok_or(ApiError::Unauthorized)?;
    let LogHistory { lines, unreadable, reader, place } = history.map_err(|error| match error {
        LogsError::TooMany { .. } => ApiError::Unavailable(error.to_string()),
        LogsError::Failed(error) => internal(error),
    })?;
    let first = Some(unreadable_event(unreadable).map_err(internal)?);
    let following = Following { first, kept: lines.into_iter(), place, reader, query, follow, app_id: app.id.clone() };
    let shutdown = server.shutdown.clone();
    let chunks = stream::unfold(following, move |mut following| {
        let shutdown = shutdown.clone();
        async move { Some((following.next(&shutdown).await?, following)) }
    });
    Ok((keep_alive::headers(), Body::from_stream(chunks)).into_response())
}

struct Following {
    first: Option<String>,
    /// Oldest first.
    kept: std::vec::IntoIter<LogLine>,
    /// Of this answer, until the kept lines were sent.
    place: Option<OwnedSemaphorePermit>,
    reader: LogReader,
    query: LogQuery,
    follow: bool,
    app_id: String,
}

impl Following {
    /// Goes on however long the functions are silent: the connection's end and the server's end it.
    async fn next(&mut self, shutdown: &CancellationToken) -> Option<serde_json::Result<String>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let lines: Vec<LogLine> = self.kept.by_ref().take(CHUNK_LINES).collect();
        if !lines.is_empty() {
            return Some(events(LogBatch { dropped: 0, lines }, &self.app_id));
        }
        self.kept = Vec::new().into_iter();
        self.place = None;
        let silent_until = Instant::now() + keep_alive::EVERY;
        while self.follow {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep_until(silent_until) => return Some(Ok(keep_alive::BLANK.to_owned())),
                () = self.reader.grown() => {}
            }
            let mut batch = self.reader.read();
            batch.lines.retain(|line| self.query.wants(line));
            let text = events(batch, &self.app_id);
            if !text.as_ref().is_ok_and(String::is_empty) {
                return Some(text);
            }
        }
        None
    }
}

fn unreadable_event(Unreadable { lines, files }: Unreadable) -> serde_json::Result<String> {
    if lines + files == 0 {
        return Ok(String::new());
    }
    line(&LogEvent::Unreadable { lines, files })
}

fn events(batch: LogBatch, app_id: &str) -> serde_json::Result<String> {
    let dropped = (batch.dropped > 0).then_some(LogEvent::Dropped { lines: batch.dropped });
    let lines = batch.lines.into_iter().map(|line| LogEvent::Line(shown(line, app_id)));
    dropped.into_iter().chain(lines).map(|event| line(&event)).collect()
}

fn line(event: &LogEvent) -> serde_json::Result<String> {
    Ok(serde_json::to_string(event)? + "\n")
}

fn shown(line: LogLine, app_id: &str) -> control::LogLine {
    control::LogLine {
        id: line.id,
        time: rfc3339::millis(line.time),
        level: line.level,
        app_id: app_id.to_owned(),
        environment: line.environment,
        version: line.version,
        function: line.function,
        request_id: line.request_id,
        source: line.source,
        text: line.text,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use hookd_runtime::{Environment, LogLevel};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn events_are_lines_of_json() {
        let line = LogLine {
            id: 42,
            time: UNIX_EPOCH,
            environment: Some(Environment::Staging),
            level: LogLevel::Info,
            source: "stdout".to_owned(),
            text: "hello".to_owned(),
            version: 3,
            function: "hello".to_owned(),
            request_id: "r1".to_owned(),
        };
        let text = events(LogBatch { dropped: 7, lines: vec![line] }, "demo").unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0], json!({"event": "dropped", "lines": 7}));
        let line = json!({
            "event": "line", "id": 42, "time": "1970-01-01T00:00:00.000Z", "level": "info", "app_id": "demo",
            "environment": "staging", "version": 3, "function": "hello", "request_id": "r1", "source": "stdout",
            "text": "hello",
        });
        assert_eq!(events[1], line);
    }
}
