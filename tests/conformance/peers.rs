//! The rules of `mod.rs` on LeanCloud's own SDKs, and on a project of the npm package in hookd's sandbox: in one shape only.

mod leanengine {
    every_rule_on!(Node);

    #[test]
    fn stalled_body() {
        crate::conformance::stalled_body::is_timed_out(crate::conformance::Kind::Node);
    }
}

/// What the functions themselves have a part in.
mod javascript {
    rules_on! {
        JavaScript,
        routes:
            metadatas;
        credentials:
            session_token_of_the_call
            address_of_the_caller;
        hook_key:
            internal_functions;
        bodies:
            json
            ec_13_arrays;
        answers:
            results_of_functions
            results_of_call
            typed_objects_of_call
            errors_of_functions
            ec_15_refusal_without_a_word
            ec_18_time_limit;
    }
}

mod leancloud_python {
    every_rule_on!(Python);
}
