//! Redirects: each is a new request, checked by the engine like the first.

use super::url::{Url, resolve};
use super::{Error, Request, Response, send_once};

/// What must not follow to another origin.
const SECRETS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

pub(super) fn send_following(mut request: Request) -> Result<Response, Error> {
    let most = request.redirects;
    let mut url = Url::parse(&request.url)?;
    for followed in 0.. {
        let response = send_once(&request, &url)?;
        let Some(location) = location(&response).filter(|_| most > 0) else { return Ok(response) };
        if followed == most {
            return Err(Error::Redirect(format!("`{}` redirects more than {most} times", url.host())));
        }
        request.url = resolve(&request.url, location)?;
        let next = Url::parse(&request.url)?;
        if url.is_https && !next.is_https {
            return Err(Error::Redirect(format!(
                "`{}` redirects from https to http, to `{}`",
                url.host(),
                next.host()
            )));
        }
        if !url.is_same_origin(&next) {
            request.headers.retain(|(name, _)| !SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret)));
        }
        if forgets_the_body(response.status(), &request.method) {
            "GET".clone_into(&mut request.method);
            request.body.clear();
            request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        }
        url = next;
    }
    Err(Error::Redirect(format!("`{}` redirects without end", url.host())))
}

fn location(response: &Response) -> Option<&str> {
    matches!(response.status(), 301 | 302 | 303 | 307 | 308).then(|| response.header("location"))?
}

/// As browsers do: `303` asks for a GET, and so do the older codes after a POST.
fn forgets_the_body(status: u16, method: &str) -> bool {
    match status {
        303 => method != "HEAD",
        301 | 302 => method == "POST",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::super::{get, post, stand_in};
    use super::*;

    /// Answers with these redirects one after the other, then with 200; collects the requests.
    fn redirecting(answers: &'static [(u16, &'static str)]) -> (super::super::StandIn, Rc<RefCell<Vec<Request>>>) {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let collected = seen.clone();
        let stand_in = stand_in(move |request| {
            let count = collected.borrow().len();
            collected.borrow_mut().push(request.clone());
            Ok(match answers.get(count) {
                Some((status, location)) => Response::new(*status).with_header("Location", *location),
                None => Response::new(200).with_body("done"),
            })
        });
        (stand_in, seen)
    }

    #[test]
    fn a_redirect_is_followed_with_method_and_body_by_its_code() {
        let (_stand_in, seen) = redirecting(&[(307, "/b"), (303, "c")]);
        let answer = post("https://a.org/a/x").header("content-type", "text/plain").body("hello").send().unwrap();
        assert_eq!(answer.text(), "done");
        let seen = seen.borrow();
        let asked: Vec<_> =
            seen.iter().map(|request| (request.method(), request.url(), request.body_bytes())).collect();
        assert_eq!(
            asked,
            [
                ("POST", "https://a.org/a/x", &b"hello"[..]),
                ("POST", "https://a.org/b", b"hello"),
                ("GET", "https://a.org/c", b""),
            ]
        );
        assert_eq!(seen[2].header_value("content-type"), None);
    }

    #[test]
    fn secrets_stay_with_their_origin() {
        let (_stand_in, seen) = redirecting(&[(302, "/b"), (302, "https://b.org/")]);
        get("https://a.org/").header("Authorization", "secret").header("x-other", "kept").send().unwrap();
        let secrets: Vec<bool> =
            seen.borrow().iter().map(|request| request.header_value("authorization").is_some()).collect();
        assert_eq!(secrets, [true, true, false]);
        assert_eq!(seen.borrow()[2].header_value("x-other"), Some("kept"));
    }

    #[test]
    fn too_many_redirects_and_those_to_plain_http_are_errors() {
        let (_stand_in, _) = redirecting(&[(302, "/"); 9]);
        assert!(
            matches!(get("https://a.org/").send(), Err(Error::Redirect(text)) if text.contains("more than 5 times"))
        );
        let (_stand_in, _) = redirecting(&[(302, "http://a.org/")]);
        assert!(matches!(get("https://a.org/").send(), Err(Error::Redirect(text)) if text.contains("to http")));
    }

    #[test]
    fn without_redirects_a_redirect_is_the_response() {
        let (_stand_in, seen) = redirecting(&[(302, "/b")]);
        assert_eq!(get("https://a.org/").redirects(0).send().unwrap().status(), 302);
        assert_eq!(seen.borrow().len(), 1);
    }
}
