//! Sending a request.

use super::redirect::send_following;
use super::{Error, Request, Response};

impl Request {
    /// Sends, and reads the whole response. A response with an error status is a response.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no response.
    pub fn send(self) -> Result<Response, Error> {
        send_following(self)
    }
}
