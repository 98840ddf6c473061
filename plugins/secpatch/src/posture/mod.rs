//! What the practice asks of a cluster as a whole, in one table of checks.
//!
//! [`catalogue`] names each check with its severity, its numbers in the CIS benchmark and the NSA guide, and what to
//! do; the files of `checks` hold what each looks at. A check gives an [`outcome`]: what it found, what it looked at,
//! and what it could not see. [`exceptions`] take away what somebody has accepted, with a reason. [`make()`] puts all
//! of it together. Who asks ([`own`]) is told by the command, which alone talks to the server.

mod catalogue;
mod checks;
mod document;
pub mod exceptions;
mod make;
mod model;
mod outcome;
pub mod own;
mod server;
#[cfg(test)]
mod tests;

pub use catalogue::{CheckKind, check, checks};
pub use make::{Options, Wanted, make};
pub use model::{CheckLine, Excepted, ExceptionLine, Posture};
