//! Who is running.

/// A kubectl plugin, by the names it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// The word after `kubectl`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Where bugs are reported.
    pub repository: &'static str,
}

impl Plugin {
    /// As users type it: `kubectl NAME`.
    #[must_use]
    pub fn typed(&self) -> String {
        format!("kubectl {}", self.name)
    }

    /// One of its commands as users type it: `kubectl NAME COMMAND`.
    #[must_use]
    pub fn command(&self, command: &str) -> String {
        format!("kubectl {} {command}", self.name)
    }

    /// The `User-Agent` of its requests: `kubectl-NAME/VERSION`.
    #[must_use]
    pub fn user_agent(&self) -> String {
        format!("kubectl-{}/{}", self.name, self.version)
    }
}
