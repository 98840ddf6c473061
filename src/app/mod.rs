//! What every `main` does: the command line, signals, logging, errors, exit codes.
//!
//! A plugin's `main` names itself as a [`Plugin`] and hands [`run()`] its clap parser and a function from the parsed
//! command line to an [`Exit`](crate::report::Exit). Everything between the shell and that function is here, so that
//! all plugins behave the same at the edges: usage errors exit 2, a closed pipe exits 0, Ctrl-C exits 130, and a failure
//! is told in kubectl's words with what to do next.

mod args;
mod clusters;
mod completion;
mod context;
mod failure;
mod interrupt;
mod logging;
#[cfg(target_env = "musl")]
mod memory;
mod panic;
mod plugin;
mod publish;
mod rbac;
mod run;
pub mod source;
mod stdout;

pub use args::FailOnArgs;
pub use clusters::{CommandLine, Reading};
pub use context::App;
pub use failure::{Failure, OrFail};
pub use interrupt::Interrupt;
pub use plugin::Plugin;
pub use publish::{Place, PublishArgs};
pub use rbac::{Level, RbacArgs, Roles, Subject};
pub use run::{command, run};
pub use stdout::Stdout;
