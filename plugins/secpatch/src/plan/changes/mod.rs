//! Changes between minors that are no removed API: whether each touches this cluster.
//!
//! One small function a change, by component; [`evaluate`] knows which belongs to which, and a change without one is
//! never taken for harmless.

mod control_plane;
mod evaluate;
mod kube_proxy;
mod kubectl;
mod kubelet;
mod monitoring;
mod nodes;
mod service;
mod storage;
#[cfg(test)]
mod tests;

pub use evaluate::{evaluate, of_minor, severity};
