use std::process::ExitCode;

use kubectl_drainsafe::{
    PLUGIN,
    cli::{self, Cli},
};
use patchkit::app;

fn main() -> ExitCode {
    app::run::<Cli>(&PLUGIN, cli::run)
}
