//! The PostgreSQL backend alone: several nodes on one database, and a database that fails. What every backend must do is
//! tested in `tests/store`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail where it stands"
)]

mod costs;
mod expired;
mod faults;
mod leases;
mod missed_events;
mod nodes;
mod open;
mod races;
mod tls;
mod world;
