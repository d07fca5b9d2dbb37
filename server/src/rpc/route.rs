//! The request that a path names.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A decoded path under `functions` or `call`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    /// `call` instead of `functions`: some answers differ (§1.8).
    pub(super) is_rpc: bool,
    pub(super) target: Target<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `_ops/metadatas`: the list of functions.
    Metadatas,
    /// One segment.
    Function(Cow<'a, str>),
    /// Two segments: hooks of storage classes and users, which are never defined here.
    ClassHook { class: Cow<'a, str>, hook: Cow<'a, str> },
    /// No route; the path as it came, for the error text.
    Nothing(String),
}

impl<'a> Route<'a> {
    /// EC-3: the query does not belong to the name, segments are decoded, a trailing slash is harmless.
    pub(super) fn parse(path: &'a str, query: Option<&str>) -> Self {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).skip(1).map(decode);
        let is_rpc = segments.next().as_deref() == Some("call");
        let target = match (segments.next(), segments.next(), segments.next()) {
            (Some(ops), Some(metadatas), None) if ops == "_ops" && metadatas == "metadatas" => Target::Metadatas,
            (Some(name), None, None) => Target::Function(name),
            (Some(class), Some(hook), None) => Target::ClassHook { class, hook },
            _ => Target::Nothing(query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))),
        };
        Self { is_rpc, target }
    }
}

fn decode(segment: &str) -> Cow<'_, str> {
    if segment.contains('%') { percent_decode_str(segment).decode_utf8_lossy() } else { segment.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, is_rpc: bool) -> Route<'_> {
        Route { is_rpc, target: Target::Function(name.into()) }
    }

    #[test]
    fn the_query_is_stripped_and_the_name_decoded() {
        assert_eq!(Route::parse("/1.1/functions/%68ello", Some("x=1")), function("hello", false));
        assert_eq!(Route::parse("/1/call/hello/", None), function("hello", true));
    }

    #[test]
    fn two_segments_are_a_class_hook_except_for_the_metadata() {
        assert_eq!(Route::parse("/1.1/call/_ops/metadatas", None).target, Target::Metadatas);
        let hook = Target::ClassHook { class: "Post".into(), hook: "beforeSave".into() };
        assert_eq!(Route::parse("/1.1/functions/Post/beforeSave", None).target, hook);
    }

    #[test]
    fn an_empty_name_keeps_the_path_for_the_error_text() {
        let nothing = |text: &str| Target::Nothing(text.to_owned());
        assert_eq!(Route::parse("/1.1/functions/", None).target, nothing("/1.1/functions/"));
        assert_eq!(Route::parse("/1.1/functions/", Some("a=1")).target, nothing("/1.1/functions/?a=1"));
    }
}
