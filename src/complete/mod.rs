//! Completion of the command line: kubectl's protocol, live values, scripts for shells, installation.
//!
//! kubectl (1.26 and newer) completes the words after a plugin's name by running `kubectl_complete-NAME` from PATH with
//! these words and the unfinished one, which may be empty. The answer is a candidate a line, `value<TAB>description`,
//! and a last line `:N` with cobra's bit mask of directives. A non-zero exit throws all of it away.
//!
//! The scripts of [`script`] complete the plugin's own name. They ask the plugin in the same words, by `__complete`.
//!
//! A plugin says of an argument which [`Live`] values it takes, and no more: `#[arg(add = Live::NODES)]`.

mod cache;
mod line;
mod link;
mod live;
mod protocol;
mod ready_made;
mod remote;
mod script;

pub use link::{Link, LinkError, Linked, Unlinked};
pub use live::{Asked, Found, FoundMeta, Live, Offer, Want};
pub use protocol::{answer, is_asked};
pub use remote::DEADLINE;
pub use script::{Shell, script};
