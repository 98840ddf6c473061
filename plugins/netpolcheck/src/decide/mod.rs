//! One connection at a time, with the rules that decide about it. The engine answers for all at once and cannot say
//! why; this walks through the policies of one pod, rule by rule, and keeps account.

mod matching;
mod missing;
mod side;

pub use matching::{Fit, Judge, Party, Traffic};
pub use missing::missing;
pub use side::{Contribution, Decider, Side};
