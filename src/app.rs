//! What every `main` does: signals, logging, exit codes.

pub mod source;
