//! The plugins, run over files as their users do. No cluster is needed.

mod completion;
mod environment;
mod workflows;
