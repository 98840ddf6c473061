//! Who can talk to whom: the reachability of a cluster as a report.

mod document;
mod dot;
mod facts;
mod mermaid;
mod page;
mod picture;
mod stream;
mod words;

pub use document::{Layout, document};
pub use dot::write_dot;
pub use facts::{MapFacts, OpenPoint, open_points};
pub use mermaid::{MOST_EDGES, MOST_TEXT, write_mermaid};
pub use page::{MOST_UNITS, PageFacts, units, write_page};
pub use picture::{Detail, Picture};
pub use stream::{List, Writer, ports_json, verdict, write_csv, write_json, write_yaml};
