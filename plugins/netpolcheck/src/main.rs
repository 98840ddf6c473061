use std::process::ExitCode;

use kubectl_netpolcheck::{PLUGIN, cli::Cli, commands};
use patchkit::app;

fn main() -> ExitCode {
    app::run::<Cli>(&PLUGIN, commands::run)
}
