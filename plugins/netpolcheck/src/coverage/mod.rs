//! How well policies cover a cluster: isolation, what is exposed, what can reach what an attacker wants.

mod document;
mod make;
mod model;
mod targets;

pub use document::document;
pub use make::make;
pub use model::{Coverage, DefaultDeny, IsolationLine, Part, Score};
pub(crate) use targets::dns_pods;
pub use targets::{Target, TargetPeer, targets};
