//! The files of the repository that are made from the command line itself.

use kubectl_netpolcheck::{PLUGIN, cli::Cli};
use patchkit::{
    app,
    complete::{Shell, script},
};
use patchkit_test_support::{generated_files, hold_generated};

#[test]
fn scripts_and_manuals_are_what_the_program_says() {
    let mut files = generated_files(&app::command::<Cli>(&PLUGIN));
    for shell in Shell::ALL {
        files.insert(format!("completions/{}", shell.file_name(PLUGIN.name)).into(), script(shell, PLUGIN.name));
    }
    hold_generated(&format!("kubectl-{}", PLUGIN.name), &files);
}
