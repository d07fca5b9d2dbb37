use std::{error::Error, fmt};

/// The result of a function: its reply, or a [`Failure`].
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The function failed; the caller gets `{"code": …, "error": …}` with the HTTP status.
///
/// A failed blocking hook is not a refusal: by default the message or request goes on as if there were no hook. To refuse,
/// answer with `drop` or `reject`. Every error turns into a failure with `?`, with code 1 and status 500 (EC 1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: i32,
    status: u16,
    message: String,
}

impl Failure {
    /// A failure with a code of the app's own, and HTTP status 400.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, status: 400, message: message.into() }
    }

    /// With this HTTP status, 400 to 599; anything else counts as 500.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The app's own code.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The text for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { code: 1, status: 500, message }
    }
}
