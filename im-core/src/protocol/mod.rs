//! The wire: schema, frames, and constructors that obey its presence rules.

/// Types generated from `proto/realtime.proto`.
#[expect(missing_docs, clippy::all, reason = "generated; the schema is documented where it is defined")]
pub(crate) mod wire {
    include!(concat!(env!("OUT_DIR"), "/realtime.rs"));
}
