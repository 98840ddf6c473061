//! The terminal: colour, progress, prompts.
//!
//! What a stream can show is decided once, for each stream by itself ([`Stream`]); everything else here is told.

mod paint;
mod progress;
mod prompt;
mod stream;

pub use paint::Paint;
pub use progress::{Progress, ProgressLine, TaskLine};
pub use prompt::{Prompt, PromptError};
pub use stream::{Output, Stream, stdin_is_terminal};
