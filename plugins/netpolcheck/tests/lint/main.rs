//! `lint` as programs run it: for each kind of mistake one case that is found, and one near it that is none.

mod needless;
mod report;
mod rules;
#[path = "../support/run.rs"]
mod run;
mod scene;
mod selectors;
