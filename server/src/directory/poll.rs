//! The query of a poll, as the follower writes it and the engine reads it.

use serde::Deserialize;

/// The parameters of a poll.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Poll {
    /// The follower's name.
    pub(crate) follower: String,
    /// The revision that the follower applied. Its name on the wire is that of released versions: an engine that does not find
    /// the revision answers at once, and a follower of another version would poll without a pause.
    #[serde(rename = "obeys")]
    pub(crate) applied: Option<String>,
}

impl Poll {
    /// The text after the `?`.
    pub(super) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("follower", &self.follower);
        if let Some(revision) = &self.applied {
            query.append_pair("obeys", revision);
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;

    use super::*;

    /// Engines and IM cores of mixed versions work together.
    #[test]
    fn the_query_has_the_names_of_released_versions() {
        let first = Poll { follower: "im".to_owned(), applied: None };
        let later = Poll { follower: "im".to_owned(), applied: Some("f00d.3".to_owned()) };
        assert_eq!(first.query(), "follower=im");
        assert_eq!(later.query(), "follower=im&obeys=f00d.3");
        for poll in [first, later] {
            let uri: Uri = format!("/hookd/v1/directory?{}", poll.query()).parse().unwrap();
            assert_eq!(Query::<Poll>::try_from_uri(&uri).unwrap().0, poll);
        }
    }
}
