use std::{io::Write, process::ExitCode};

use clap::Parser;
use kubectl_secpatch::{
    cli::{Cli, Command},
    commands,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    let Command::Plan(args) = &cli.command;
    match commands::plan::run(args, &cli.connect, &mut out) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(3)
        }
    }
}
