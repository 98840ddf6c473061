//! The terminal: colour, progress, prompts.
//!
//! What a stream can show is decided once, for each stream by itself ([`Stream`]); everything else here is told.

mod paint;
mod stream;

pub use paint::Paint;
pub use stream::{Output, Stream, stdin_is_terminal};
