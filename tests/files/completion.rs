//! Completion without a cluster: what is put beside a plugin, and what is not said when nothing can be.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, time::Instant};

use patchkit_test_support::{Run, plugin, plugin_folder, scratch};

/// A plugin that is found on the PATH.
fn named(name: &str, folder: &Path) -> Run {
    Run::new(name).path_first(folder)
}

#[test]
fn the_link_is_put_beside_the_plugin_and_taken_away() {
    let folder = plugin_folder();
    let link = folder.join("kubectl_complete-secpatch");
    let install = || named("kubectl-secpatch", &folder).args(["completion", "install"]);
    let uninstall = || named("kubectl-secpatch", &folder).args(["completion", "uninstall"]).output().exits(0).stdout;
    let said = install().env("SHELL", "/usr/bin/zsh").output().exits(0).stdout;
    assert!(said.starts_with(&format!("{} is installed\n", link.display())), "{said}");
    assert!(said.contains("~/.zshrc") && said.contains("source <(kubectl-secpatch completion show zsh)"), "{said}");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("kubectl-secpatch"));
    let said = install().output().exits(0).stdout;
    assert!(said.contains("is installed already"), "{said}");
    for shell in ["~/.bashrc", "~/.zshrc", "config.fish", "$PROFILE"] {
        assert!(said.contains(shell), "no shell is known, so all are told of:\n{said}");
    }
    let answer = named("kubectl_complete-secpatch", &folder).arg("pla").output().exits(0);
    assert!(answer.stdout.starts_with("plan\t"), "{}", answer.stdout);
    assert!(uninstall().contains("is taken away"));
    assert!(uninstall().contains("nothing to take away"));
    assert!(folder.join("kubectl-secpatch").exists());

    fs::write(&link, "#!/bin/sh\n").unwrap();
    for verb in ["install", "uninstall"] {
        let refused = named("kubectl-secpatch", &folder).args(["completion", verb]).output().exits(3);
        assert!(refused.stderr.contains("is left alone"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(&link).unwrap(), "#!/bin/sh\n");
    }
}

#[test]
fn a_plugin_that_is_called_by_its_path_tells_that_kubectl_will_not_find_it() {
    let folder = plugin_folder();
    let said = Run::new(folder.join("kubectl-drainsafe")).args(["completion", "install"]).output().exits(0);
    assert!(said.stderr.contains("PATH"), "{}", said.stderr);
    assert!(folder.join("kubectl_complete-drainsafe").is_symlink());
}

#[test]
fn a_script_is_shown_for_every_shell() {
    for (shell, word) in
        [("bash", "complete -"), ("zsh", "#compdef"), ("fish", "complete --command"), ("pwsh", "Register-")]
    {
        let shown = plugin("netpolcheck").args(["completion", "show", shell]).output().exits(0);
        assert!(shown.stdout.contains(word) && shown.stdout.contains("kubectl-netpolcheck"), "{}", shown.stdout);
        assert!(!shown.stdout.contains("PLUGIN"), "{}", shown.stdout);
    }
    let _ = plugin("netpolcheck").args(["completion", "show", "tcsh"]).output().exits(2);
}

/// PowerShell is on none of the machines that test this. So its script is held to what is known of it: balanced, quoted,
/// and with everything in it that the protocol asks for.
#[test]
fn the_script_for_powershell_has_its_shape() {
    let script = plugin("secpatch").args(["completion", "show", "powershell"]).output().exits(0).stdout;
    // Without comments, and without what stands in strings.
    let mut code = String::new();
    for line in script.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let mut quote = None;
        for letter in line.chars() {
            match quote {
                Some(open) if letter == open => quote = None,
                None if ['\'', '"'].contains(&letter) => quote = Some(letter),
                None => code.push(letter),
                Some(_) => {}
            }
        }
        assert_eq!(quote, None, "a string has no end: {line}");
    }
    for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
        assert_eq!(code.matches(open).count(), code.matches(close).count(), "{open}{close}:\n{code}");
    }
    for word in ["-Native", "'kubectl-secpatch.exe'", "__complete @words", "CompletionResult]::new(", "2>$null"] {
        assert!(script.contains(word), "{word} is missing:\n{script}");
    }
}

/// A kubeconfig whose user is told by a credential plugin: a script of ours.
fn with_credential_plugin(script: &str, mode: &str, server: &str) -> (std::path::PathBuf, Run) {
    let folder = scratch::directory("exec");
    let (program, config) = (folder.join("credentials"), folder.join("config"));
    fs::write(&program, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        &config,
        format!(
            "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}],\n\
             clusters: [{{name: c, cluster: {{server: '{server}'}}}}],\n\
             users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {},\n\
             interactiveMode: {mode}}}}}}}]}}\n",
            program.display()
        ),
    )
    .unwrap();
    (folder, plugin("drainsafe").args(["__complete", "node", ""]).env("KUBECONFIG", config))
}

#[test]
fn a_credential_plugin_is_asked_nothing_and_heard_by_nobody() {
    let noisy = "echo 'please log in' >&2; echo \"$KUBERNETES_EXEC_INFO\" >info; cat >stdin; exit 1";
    let (folder, run) = with_credential_plugin(noisy, "IfAvailable", "https://127.0.0.1:1");
    // At a terminal, where it would be asked otherwise.
    let shown = run.in_terminal(80).end();
    assert_eq!((shown.code, shown.lines.as_slice()), (Some(0), &[":4".to_owned()][..]), "{}", shown.raw);
    let info = fs::read_to_string(folder.join("info")).unwrap();
    assert!(info.contains("\"interactive\":false"), "{info}");
    assert_eq!(fs::read_to_string(folder.join("stdin")).unwrap(), "");

    let (folder, run) = with_credential_plugin(noisy, "Always", "https://127.0.0.1:1");
    let shown = run.in_terminal(80).end();
    assert_eq!((shown.code, shown.lines.as_slice()), (Some(0), &[":4".to_owned()][..]), "{}", shown.raw);
    assert!(!folder.join("info").exists(), "one that always asks is not run at all");
}

#[test]
#[expect(clippy::print_stderr, reason = "how long it took is for whoever looks")]
fn nobody_waits_for_what_never_comes() {
    // It takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let slow = with_credential_plugin("exec sleep 100", "Never", "https://127.0.0.1:1").1;
    let dark = plugin("drainsafe").args(["__complete", "node", "--server", &server, ""]);
    for (what, run) in [("a server that is silent", dark), ("a credential plugin that is slow", slow)] {
        let began = Instant::now();
        let answer = run.output().exits(0);
        let took = began.elapsed();
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), (":4\n", ""), "{what}");
        eprintln!("{} ms: {what}", took.as_millis());
        assert!(took.as_secs() < 50, "{what} was waited for: {took:?}");
    }
}
