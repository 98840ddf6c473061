//! The Pod Security Standards, judged as the API server's own admission judges them.
//!
//! Facts: `k8s.io/pod-security-admission` v0.37.2, `policy/` (what each check forbids since which policy version, and
//! which baseline check a restricted one replaces), `api/helpers.go` (what a namespace's labels mean) and
//! `admission/admission.go` (which objects are looked at). One file under [`checks`] a check, named as the API server
//! names it.
//!
//! [`evaluate`] is a pure function of a pod's annotations and specification, a [`Level`] and a [`PolicyVersion`].

mod check;
mod checks;
mod evaluate;
pub mod facts;
mod level;
pub mod namespace;
#[cfg(test)]
mod tests;
mod version;
mod words;

pub use check::{Check, Subject, Violation};
pub use evaluate::{CHECKS, active, evaluate, highest_level};
pub use level::{Level, LevelError};
pub use namespace::NamespacePolicy;
pub use version::{PolicyVersion, PolicyVersionError};
