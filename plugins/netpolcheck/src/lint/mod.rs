//! What is wrong with policies, or will be: each kind of mistake has an identifier, a severity, a place and a fix.
//!
//! Pods come and go, so that every check says what it rests on. A selector that matches nothing is one only where it is
//! known who there is; a rule that changes nothing is told apart by whether that holds for any pod that may come, or
//! for those that there are. What cannot be told is not evaluated, and never clean.

mod and_or;
mod cidr;
mod cover;
mod deprecated;
mod dns;
mod document;
mod enforced;
mod make;
mod population;
mod ports;
mod priority;
mod proof;
mod redundant;
mod scene;
mod selectors;
mod translate;
mod types;

pub use document::document;
pub use make::{IDS, Lint, make};
pub use translate::translated;
