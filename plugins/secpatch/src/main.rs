use std::{io::Write, process::ExitCode};

use clap::Parser;
use kubectl_secpatch::{
    cli::{Cli, Command},
    commands,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    let done = match &cli.command {
        Command::Plan(args) => commands::plan::run(args, &cli.connect, &mut out).map_err(|error| error.to_string()),
        Command::Data(args) => {
            commands::data::run(args, &mut out, &mut std::io::stderr()).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(3)
        }
    }
}
