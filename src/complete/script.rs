//! The scripts by which shells complete a plugin's own name.

use clap::ValueEnum;

/// The shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash, from 3.2 on
    Bash,
    /// zsh
    Zsh,
    /// fish, from 3.1 on
    Fish,
    /// PowerShell, from 5.1 on
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
}

impl Shell {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bash, Self::Zsh, Self::Fish, Self::PowerShell];

    /// The shell of a path such as `/bin/zsh`.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        Self::from_str(name.trim_end_matches(".exe"), true).ok()
    }

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::PowerShell => "powershell",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        match self {
            Self::PowerShell => "PowerShell",
            shell => shell.name(),
        }
    }

    /// The name that the shell expects of the file with the script of a plugin.
    #[must_use]
    pub fn file_name(self, plugin: &str) -> String {
        match self {
            Self::Bash => format!("kubectl-{plugin}.bash"),
            Self::Zsh => format!("_kubectl-{plugin}"),
            Self::Fish => format!("kubectl-{plugin}.fish"),
            Self::PowerShell => format!("kubectl-{plugin}.ps1"),
        }
    }

    /// The file that the shell reads at its start, and the line in it that loads the script of a plugin.
    #[must_use]
    pub fn start_line(self, plugin: &str) -> (&'static str, String) {
        let show = format!("kubectl-{plugin} completion show {}", self.name());
        match self {
            Self::Bash => ("~/.bashrc", format!("source <({show})")),
            Self::Zsh => ("~/.zshrc, below compinit", format!("source <({show})")),
            Self::Fish => ("~/.config/fish/config.fish", format!("{show} | source")),
            Self::PowerShell => ("$PROFILE", format!("{show} | Out-String | Invoke-Expression")),
        }
    }
}

/// The script that completes `kubectl-PLUGIN` in a shell.
#[must_use]
pub fn script(shell: Shell, plugin: &str) -> String {
    let template = match shell {
        Shell::Bash => include_str!("scripts/bash.txt"),
        Shell::Zsh => include_str!("scripts/zsh.txt"),
        Shell::Fish => include_str!("scripts/fish.txt"),
        Shell::PowerShell => include_str!("scripts/powershell.txt"),
    };
    template.replace("PLUGIN_ID", &plugin.replace('-', "_")).replace("PLUGIN", plugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_told_by_its_path() {
        for (path, shell) in [
            ("/bin/bash", Some(Shell::Bash)),
            ("/opt/homebrew/bin/fish", Some(Shell::Fish)),
            ("zsh", Some(Shell::Zsh)),
            (r"C:\Program Files\PowerShell\7\pwsh.exe", Some(Shell::PowerShell)),
            ("/bin/sh", None),
            ("", None),
        ] {
            assert_eq!(Shell::of_path(path), shell, "{path}");
        }
    }
}
