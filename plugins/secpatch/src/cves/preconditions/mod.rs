//! Whether what a vulnerability needs to matter holds in this cluster: yes, no, or cannot tell.
//!
//! A "no" is only given where the objects that could show a "yes" were really read.

mod components;
mod evaluate;
mod objects;
mod pods;
mod rights;

pub use evaluate::{Answer, answer, evaluate};
