//! The log of an app's functions: what is kept, and what comes.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use hookd_runtime::{LogBatch, LogLine, LogReader};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{ApiError, Authorized, Control};

#[derive(Deserialize)]
pub(super) struct LogsQuery {
    /// Newest lines of those kept.
    limit: usize,
    function: Option<String>,
    request_id: Option<String>,
    #[serde(default)]
    follow: bool,
}

impl LogsQuery {
    fn wants(&self, line: &LogLine) -> bool {
        self.function.as_ref().is_none_or(|function| *function == line.function)
            && self.request_id.as_ref().is_none_or(|request_id| *request_id == line.request_id)
    }
}

/// One JSON event a line: a line of the log, or how many were dropped before the next one.
pub(super) async fn read(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Query(query): Query<LogsQuery>,
) -> Result<Response, ApiError> {
    let mut reader = control.engine.read_logs(&app.id).ok_or(ApiError::Unauthorized)?;
    let kept = newest(reader.read(), &query);
    let following = Following { first: Some(events(kept, &app.id)), reader, query, app_id: app.id.clone() };
    let shutdown = control.shutdown.clone();
    let chunks = stream::unfold(following, move |mut following| {
        let shutdown = shutdown.clone();
        async move { Some((Ok::<_, Infallible>(following.next(&shutdown).await?), following)) }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(chunks)).into_response())
}

struct Following {
    first: Option<String>,
    reader: LogReader,
    query: LogsQuery,
    app_id: String,
}

impl Following {
    /// Waits as long as the functions are silent: the connection's end and the server's end it.
    async fn next(&mut self, shutdown: &CancellationToken) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while self.query.follow {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = self.reader.grown() => {}
            }
            let mut batch = self.reader.read();
            batch.lines.retain(|line| self.query.wants(line));
            let text = events(batch, &self.app_id);
            if !text.is_empty() {
                return Some(text);
            }
        }
        None
    }
}

/// The newest lines that are wanted. What is no longer kept is told only to who asked for more than there is.
fn newest(mut batch: LogBatch, query: &LogsQuery) -> LogBatch {
    batch.lines.retain(|line| query.wants(line));
    if batch.lines.len() >= query.limit {
        batch.lines.drain(..batch.lines.len() - query.limit);
        batch.dropped = 0;
    }
    batch
}

fn events(batch: LogBatch, app_id: &str) -> String {
    let dropped = (batch.dropped > 0).then(|| json!({"event": "dropped", "lines": batch.dropped}));
    let lines = batch.lines.iter().map(|line| line_json(line, app_id));
    dropped.into_iter().chain(lines).map(|event| format!("{event}\n")).collect()
}

fn line_json(line: &LogLine, app_id: &str) -> Value {
    json!({
        "event": "line",
        "time": humantime::format_rfc3339_millis(line.time).to_string(),
        "level": line.level,
        "app_id": app_id,
        "version": line.version,
        "function": line.function,
        "request_id": line.request_id,
        "source": line.source,
        "text": line.text,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use hookd_runtime::LogLevel;

    use super::*;

    fn batch(functions: &[&str]) -> LogBatch {
        let line = |function: &&str| LogLine {
            time: UNIX_EPOCH,
            level: LogLevel::Info,
            source: "stdout".to_owned(),
            text: "hello".to_owned(),
            version: 3,
            function: (*function).to_owned(),
            request_id: "r1".to_owned(),
        };
        LogBatch { dropped: 7, lines: functions.iter().map(line).collect() }
    }

    fn query(limit: usize, function: Option<&str>) -> LogsQuery {
        LogsQuery { limit, function: function.map(str::to_owned), request_id: None, follow: false }
    }

    #[test]
    fn the_filter_comes_before_the_limit() {
        let lines = newest(batch(&["a", "a", "a", "b", "b"]), &query(2, Some("a"))).lines;
        assert_eq!(lines.iter().map(|line| line.function.as_str()).collect::<Vec<_>>(), ["a", "a"]);
    }

    #[test]
    fn what_is_not_kept_is_told_only_when_more_was_asked_for() {
        assert_eq!(newest(batch(&["a", "b"]), &query(2, None)).dropped, 0);
        assert_eq!(newest(batch(&["a", "b"]), &query(3, None)).dropped, 7);
    }

    #[test]
    fn events_are_lines_of_json() {
        let text = events(batch(&["hello"]), "demo");
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0], json!({"event": "dropped", "lines": 7}));
        let line = json!({
            "event": "line", "time": "1970-01-01T00:00:00.000Z", "level": "info", "app_id": "demo", "version": 3,
            "function": "hello", "request_id": "r1", "source": "stdout", "text": "hello",
        });
        assert_eq!(events[1], line);
    }
}
