//! The core of patchkit: what its kubectl plugins share.
//!
//! Data goes one way through these rooms. Arguments name a source; [`cluster`] reaches a live cluster and
//! [`snapshot`] holds the facts of it at one moment, whether they came from the API, from files or from standard
//! input. Decisions are pure functions of a snapshot, made with Kubernetes' own [`rules`]; what they say is a
//! [`report`], which [`render`] writes in the form that was asked for. [`term`] is the terminal (colour, progress,
//! prompts), [`complete`] kubectl's completion protocol, and [`app`] what every `main` does: signals, logging, exit
//! codes.
//!
//! The core knows Kubernetes and the terminal. It names no plugin.
#![deny(missing_docs)]

pub mod app;
pub mod cluster;
pub mod complete;
pub mod render;
pub mod report;
pub mod rules;
pub mod snapshot;
pub mod term;
