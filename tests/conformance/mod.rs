//! LeanEngine's HTTP contract (`engine-contract` §1), rule by rule, over HTTP: one and the same set of requests and answers
//! for hookd, for the npm package `leanengine` and for the Python package `leancloud`.
//!
//! The cases stand in [`rules`], each with the answer that hookd gives; where another engine answers differently, the case
//! says how, and by which rule. Nothing else may differ. Every engine serves the same functions: those of
//! `tests/conformance/known-functions`, written again in `tests/leanengine` and `tests/leancloud-python`. The tests of those
//! two are in `peers.rs`.

pub mod case;
mod expected;
pub mod rules;
pub mod stalled_body;
mod target;

pub use self::target::{Kind, Target};

/// A test for each of these rules, on an engine.
macro_rules! rules_on {
    ($kind:ident, $($family:ident: $($rule:ident)*;)*) => {
        $($(
            #[tokio::test]
            async fn $rule() {
                let target = $crate::conformance::Target::start($crate::conformance::Kind::$kind);
                $crate::conformance::case::check(target, $crate::conformance::rules::$family::$rule).await;
            }
        )*)*
    };
}

/// A test for each rule, on an engine.
macro_rules! every_rule_on {
    ($kind:ident) => {
        rules_on! {
            $kind,
            routes:
                ec_1_both_versions_and_both_families
                ec_2_any_method_and_no_body
                ec_3_query_escapes_and_trailing_slash
                ec_4_empty_name
                ec_5_other_routes
                health
                metadatas
                order_of_processing;
            credentials:
                every_form_of_credentials
                header_aliases_and_their_precedence
                ec_6_old_signatures
                signature_of_the_android_sdk
                ec_7_signature_with_another_app_id
                ec_8_refused_credentials
                environment_of_the_call
                session_token_of_the_call
                address_of_the_caller;
            hook_key:
                reserved_names
                ec_10_other_underscore_names
                internal_functions
                class_and_user_hooks;
            bodies:
                json
                form
                compressed
                plain_text
                other_content_types
                ec_12_size_limit
                ec_13_arrays;
            answers:
                results_of_functions
                results_of_call
                typed_objects_of_call
                errors_of_functions
                ec_15_refusal_without_a_word
                ec_18_time_limit;
            cors:
                simple_requests
                ec_20_preflight;
        }
    };
}

mod hookd {
    every_rule_on!(Hookd);
}
