//! What answers requests in tests.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::url::Url;
use super::{Error, Request, Response};

type Answer = Rc<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static ANSWERS: RefCell<Vec<Answer>> = const { RefCell::new(Vec::new()) };
}

/// Answers this thread's requests for as long as it lives.
#[must_use = "requests are answered for as long as the stand-in lives"]
pub struct StandIn(());

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandIn")
    }
}

/// Answers the requests of this thread with `answer`, in tests. The newest stand-in answers.
pub fn stand_in(answer: impl Fn(&Request) -> Result<Response, Error> + 'static) -> StandIn {
    ANSWERS.with_borrow_mut(|answers| answers.push(Rc::new(answer)));
    StandIn(())
}

impl Drop for StandIn {
    fn drop(&mut self) {
        ANSWERS.with_borrow_mut(Vec::pop);
    }
}

pub(super) fn send_once(request: &Request, _: &Url) -> Result<Response, Error> {
    // Called outside the borrow: an answer may send requests, too.
    let answer = ANSWERS.with_borrow(|answers| answers.last().cloned()).ok_or(Error::NoStandIn)?;
    answer(request)
}

#[cfg(test)]
mod tests {
    use super::super::get;
    use super::*;

    #[test]
    fn without_a_stand_in_a_request_says_how_to_make_one() {
        assert_eq!(get("https://a.org").send(), Err(Error::NoStandIn));
        drop(stand_in(|_| Ok(Response::new(200))));
        assert!(Error::NoStandIn.to_string().contains("hook_sdk::http::stand_in"));
        assert_eq!(get("https://a.org").send(), Err(Error::NoStandIn));
    }
}
