//! kubectl's completion protocol, live values, installation.
//!
//! kubectl (1.26 and newer) completes the words after a plugin's name by running `kubectl_complete-NAME` from PATH with
//! these words and the unfinished one, which may be empty. The answer is a candidate a line, `value<TAB>description`,
//! and a last line `:N` with cobra's bit mask of directives. A non-zero exit throws all of it away.

mod live;
mod protocol;

pub use live::{DEADLINE, within};
pub use protocol::{answer_kubectl, is_asked_by};
