//! The wire: schema, frames, and constructors that follow its presence rules.
//!
//! "Set" means on the wire: a field that is `None` is not there, not even as zero (P-3, P-5, P-7).

pub(crate) mod frame;
pub(crate) mod limits;
pub(crate) mod pushes;
pub(crate) mod replies;
pub(crate) mod signature;

pub(crate) use frame::{Encoding, SubProtocol};

#[cfg(test)]
mod vectors;

/// Types generated from `proto/realtime.proto`.
#[expect(clippy::all, reason = "generated")]
pub(crate) mod wire {
    include!(concat!(env!("OUT_DIR"), "/realtime.rs"));
}

/// `service` of everything about IM (P-28).
pub(crate) const IM_SERVICE: i32 = 2;

/// `notificationType` of events that are kept (P-62).
pub(crate) const PERMANENT: i32 = 1;

/// The words for a command in error texts: `cmd/op`, or its numbers where this server has no name for them.
pub(crate) fn describe(command: &wire::GenericCommand) -> String {
    let name = match command.cmd {
        None => "a command without `cmd`".to_owned(),
        Some(number) => wire::CommandType::try_from(number)
            .map_or_else(|_| format!("command {number}"), |known| known.as_str_name().to_owned()),
    };
    match command.op {
        None => name,
        Some(number) => match wire::OpType::try_from(number) {
            Ok(known) => format!("{name}/{}", known.as_str_name()),
            Err(_) => format!("{name}/{number}"),
        },
    }
}
