//! The rules of `mod.rs` on LeanCloud's own SDKs, which have one shape only.

mod leanengine {
    every_rule_on!(Node);

    #[test]
    fn stalled_body() {
        crate::conformance::stalled_body::is_timed_out(crate::conformance::Kind::Node);
    }
}

mod leancloud_python {
    every_rule_on!(Python);
}
