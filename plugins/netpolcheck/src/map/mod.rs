//! Who can talk to whom: the reachability of a cluster as a report.

mod document;
mod facts;
mod stream;

pub use document::{Layout, document};
pub use facts::{MapFacts, OpenPoint, open_points};
pub use stream::{List, Writer, ports_json, verdict, write_csv, write_json, write_yaml};
