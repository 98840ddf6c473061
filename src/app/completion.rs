//! `kubectl NAME completion`, which every plugin has.

use std::{env, ffi::OsStr, io::Write as _};

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};

use super::{App, Failure, Plugin};
use crate::{
    complete::{Link, LinkError, Linked, Shell, Unlinked, script},
    render::RenderError,
    report::Exit,
};

/// Its name on the command line.
const NAME: &str = "completion";

/// The arguments of `completion`.
#[derive(Args, Debug)]
pub(super) struct CompletionArgs {
    /// What to do.
    #[command(subcommand)]
    command: CompletionCommand,
}

/// What can be done about completion.
#[derive(Debug, Subcommand)]
enum CompletionCommand {
    /// Print the script that completes the plugin's own name in a shell
    Show {
        /// The shell
        shell: Shell,
    },
    /// Let kubectl complete the plugin: put the file beside it by which kubectl asks
    Install,
    /// Take that file away again
    Uninstall,
}

/// The subcommand, as every plugin has it.
pub(super) fn command(plugin: &Plugin) -> Command {
    CompletionArgs::augment_args(Command::new(NAME))
        .about("Completion of nodes, namespaces, flags and more: in kubectl, bash, zsh, fish and PowerShell")
        .disable_help_subcommand(true)
        .after_help(format!(
            "kubectl {0} <TAB> asks the program kubectl_complete-{0}, which install puts beside the plugin (kubectl 1.26 \
             or newer). For kubectl-{0} <TAB> the shell loads the script that show prints.",
            plugin.name
        ))
}

/// The arguments, where this subcommand was asked for.
pub(super) fn read(matches: &ArgMatches) -> Option<Result<CompletionArgs, clap::Error>> {
    matches.subcommand_matches(NAME).map(CompletionArgs::from_arg_matches)
}

/// Prints a script, installs or uninstalls. `program` is the name that the plugin was called by.
pub(super) fn run(app: &App, args: &CompletionArgs, program: &OsStr) -> Result<Exit, Failure> {
    let name = app.plugin.name;
    let link = || Link::of(name, program, env::var_os("PATH").as_deref());
    let text = match args.command {
        CompletionCommand::Show { shell } => script(shell, name),
        CompletionCommand::Install => {
            let link = link()?;
            let linked = link.put().map_err(|error| told(error, &link))?;
            if !link.is_on(env::var_os("PATH").as_deref()) {
                app.warn(&format!("kubectl looks for {link} in the folders of PATH, and this one is none of them"));
            }
            installed(linked, &link, name, env::var("SHELL").ok().and_then(|path| Shell::of_path(&path)))
        }
        CompletionCommand::Uninstall => {
            let link = link()?;
            match link.take_away().map_err(|error| told(error, &link))? {
                Unlinked::Gone => format!("{link} is taken away\n"),
                Unlinked::Nothing => format!("{link} is not there: nothing to take away\n"),
            }
        }
    };
    let mut out = app.out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(RenderError::Write)?;
    Ok(Exit::Clean)
}

fn told(error: LinkError, link: &Link) -> Failure {
    let hint = match &error {
        LinkError::Foreign(_) => Some("remove it if nobody needs it, and run this again".to_owned()),
        LinkError::Io { .. } => {
            let folder = link.path().parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            Some(format!("run this as somebody who may write to {folder}"))
        }
        LinkError::Nowhere(_) => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// What stands now, and what is left to do for `shell`, or for whichever it may be.
fn installed(linked: Linked, link: &Link, name: &str, shell: Option<Shell>) -> String {
    let done = match linked {
        Linked::New => "is installed",
        Linked::Renewed => "is renewed",
        Linked::Already => "is installed already",
    };
    let mut text = format!(
        "{link} {done}\n\nkubectl {name} <TAB> completes wherever kubectl's own completion is loaded (kubectl completion \
         --help says how).\nkubectl-{name} <TAB> needs one more line"
    );
    let shells = shell.map_or(Shell::ALL.to_vec(), |shell| vec![shell]);
    match shells.as_slice() {
        [shell] => {
            let (file, line) = shell.start_line(name);
            text.push_str(&format!(" in {file}:\n\n    {line}\n"));
        }
        shells => {
            text.push_str(":\n\n");
            for shell in shells {
                let (file, line) = shell.start_line(name);
                text.push_str(&format!("  {} ({file}):\n    {line}\n", shell.display_name()));
            }
        }
    }
    text
}
