//! Whether one can talk to another.

mod answer;
mod document;
mod question;
mod section;

pub use answer::{Decision, PairAnswer, answer};
pub use document::document;
pub use question::{Destination, PortName, PortWish, Question, QuestionError, split_port};
pub use section::section;
