//! Flows as people and network plugins write them down: a list, CSV, Hubble's JSON, Calico's flow logs.

mod calico;
mod csv;
mod flow;
mod hubble;
mod json_lines;
mod list;
mod read;

pub use flow::{BadLine, End, Flow, FlowPorts, Flows, Place, Skipped, Told};
pub use list::parse_flow;
pub use read::{FlowFormat, read};
