//! What the programs are run in: nothing of this machine's user, and terminals that show what a person would see.

use patchkit_test_support::{Run, plugin};

/// A shell is on every machine, and does what it is told.
fn shell(script: &str) -> Run {
    Run::new("sh").args(["-c", script])
}

#[test]
fn nothing_of_the_user_is_left() {
    let output = shell("env; ls -A \"$HOME\"; pwd").output().exits(0);
    let names: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in ["KUBECONFIG", "NO_COLOR", "CLICOLOR_FORCE", "XDG_CACHE_HOME", "CI"] {
        assert!(!names.contains(&name), "{name} is set:\n{}", output.stdout);
    }
    let home = output.stdout.lines().find_map(|line| line.strip_prefix("HOME=")).unwrap();
    assert!(output.stdout.lines().last().unwrap().ends_with(home.rsplit('/').next().unwrap()), "{}", output.stdout);
    // Between the two, ls had nothing to say.
    assert_eq!(output.stdout.lines().filter(|line| !line.contains('=')).count(), 1, "{}", output.stdout);
}

#[test]
fn the_plugins_are_on_the_path() {
    for name in ["secpatch", "drainsafe", "netpolcheck"] {
        let found = shell(&format!("command -v kubectl-{name}")).output().exits(0);
        assert!(found.stdout.trim().ends_with(&format!("/kubectl-{name}")), "{}", found.stdout);
        assert_eq!(plugin(name).line(), format!("kubectl-{name}"));
    }
}

#[test]
fn streams_and_exit_codes_are_kept_apart() {
    let output = shell("cat; echo wrong >&2; exit 3").input("right").output().exits(3);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("right", "wrong\n"));
    let killed = shell("kill -9 $$").output();
    assert_eq!(killed.code(), None);
}

#[test]
fn a_reader_may_go_away() {
    let output = shell("trap '' PIPE; while echo line 2>/dev/null; do :; done; echo noticed >&2").first_line().exits(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("line\n", "noticed\n"));
}

#[test]
fn a_terminal_shows_what_a_person_sees() {
    let shown =
        shell("stty size; test -t 0 && test -t 1 && test -t 2 && printf 'one\\rtwo\\033[1mbold\\033[0m'; exit 7")
            .in_terminal(80)
            .end();
    assert_eq!(shown.code, Some(7));
    assert!(shown.lines[0].ends_with(" 80"), "{:?}", shown.lines);
    assert_eq!(shown.lines[1], "twobold");
    assert!(shown.raw.contains("\u{1b}[1m"), "{:?}", shown.raw);
}

#[test]
fn a_terminal_has_a_keyboard() {
    let mut terminal =
        shell("trap 'echo interrupted; exit 130' INT; read -r word; echo \"got $word\"; while :; do sleep 1; done")
            .in_terminal(40);
    terminal.types("hello\n");
    terminal.until("got hello");
    terminal.ctrl_c();
    terminal.until("interrupted");
    assert_eq!(terminal.end().code, Some(130));
}

#[test]
fn a_program_can_be_interrupted() {
    let running = shell("trap 'exit 130' INT; echo ready >&2; while :; do sleep 0.1; done").start();
    while running.stderr() != "ready\n" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.interrupt();
    let _ = running.wait().exits(130);
}
