//! Who runs: names for people, and what tells whether a process of this machine is still alive.

use std::{
    env, fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
};

use jiff::Timestamp;

/// A name for a run that nobody has used: the day and five letters.
#[must_use]
pub fn new_run(now: Timestamp) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut number = RandomState::new().build_hasher().finish();
    let mut name = now.strftime("%m%d-").to_string();
    for _ in 0..5 {
        let at = number % LETTERS.len() as u64;
        number /= LETTERS.len() as u64;
        name.extend(usize::try_from(at).ok().and_then(|at| LETTERS.get(at)).map(|letter| char::from(*letter)));
    }
    name
}

/// `user@host`, as another operator can make sense of it. `user` is that of the kubeconfig.
#[must_use]
pub fn operator(user: Option<&str>) -> String {
    let variable = |names: &[&str]| names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let person = variable(&["USER", "LOGNAME", "USERNAME"]);
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| variable(&["HOSTNAME", "COMPUTERNAME"]));
    let who = match (person, user) {
        (Some(person), Some(user)) if person != user => format!("{person} (as {user})"),
        (Some(person), _) => person,
        (None, Some(user)) => user.to_owned(),
        (None, None) => "somebody".to_owned(),
    };
    match host {
        Some(host) => format!("{who} on {host}"),
        None => who,
    }
}

/// A process of one machine, so that the same machine can tell that it has ended. Only known on Linux; elsewhere a lock
/// that was left behind has to run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The machine since it was started, and the name space of its process numbers: containers have their own.
    world: String,
    id: u32,
    /// When it started, since numbers are used again.
    started: String,
}

impl Process {
    /// This one.
    #[must_use]
    pub fn this() -> Option<Self> {
        let id = std::process::id();
        Some(Self { world: world()?, id, started: started(id)? })
    }

    /// Whether it is known to have ended. A process of another machine may still run.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        world().is_some_and(|world| world == self.world) && started(self.id).as_ref() != Some(&self.started)
    }

    /// As it stands in an annotation.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {} {}", self.world, self.id, self.started)
    }

    /// Reads an annotation.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let process = Self {
            world: words.next()?.to_owned(),
            id: words.next()?.parse().ok()?,
            started: words.next()?.to_owned(),
        };
        words.next().is_none().then_some(process)
    }
}

fn world() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), space.to_string_lossy()))
}

/// The 22nd field of `/proc/PID/stat`, in ticks since the machine's start (proc_pid_stat(5)). The name in the second
/// field may hold anything, so what follows its last parenthesis is counted. A zombie has ended.
fn started(id: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| started.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_told_from_one_that_has_ended() {
        let Some(this) = Process::this() else { return };
        assert!(!this.has_ended());
        assert_eq!(Process::read(&this.text()), Some(this.clone()));
        assert!(Process { started: "1".into(), ..this.clone() }.has_ended(), "the number was used again");
        assert!(Process { id: u32::MAX, ..this.clone() }.has_ended());
        assert!(!Process { world: "another/machine".into(), id: u32::MAX, ..this }.has_ended(), "who knows");
        for text in ["", "a", "a b c", "a 1", "a 1 2 3"] {
            assert_eq!(Process::read(text), None, "{text}");
        }
    }

    #[test]
    fn runs_get_different_names() {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        let (one, other) = (new_run(now), new_run(now));
        assert_ne!(one, other);
        assert!(one.starts_with("1124-") && one.len() == 10, "{one}");
    }
}
