//! The names in a kubeconfig: for those who choose among them.

use super::environment::Environment;
use super::kubeconfig::{Kubeconfig, KubeconfigError};
use super::options::ConnectOptions;

/// What can be named by `--context`, `--cluster` and `--user`, each in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeconfigNames {
    /// The contexts.
    pub contexts: Vec<ContextName>,
    /// The clusters.
    pub clusters: Vec<String>,
    /// The users.
    pub users: Vec<String>,
}

/// A context, and what it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextName {
    /// Its name.
    pub name: String,
    /// Its cluster; none where it names none.
    pub cluster: Option<String>,
    /// It is the one that is taken where no flag says another.
    pub is_current: bool,
}

/// The names in the kubeconfig that these options name.
///
/// # Errors
/// A kubeconfig that cannot be read.
pub fn kubeconfig_names(
    options: &ConnectOptions,
    environment: &Environment,
) -> Result<KubeconfigNames, KubeconfigError> {
    let kubeconfig = Kubeconfig::load(options.kubeconfig.as_deref(), environment)?;
    let contexts = kubeconfig.contexts.into_iter().map(|context| ContextName {
        is_current: kubeconfig.current_context.as_ref() == Some(&context.name),
        cluster: context.entry.cluster,
        name: context.name,
    });
    Ok(KubeconfigNames {
        contexts: contexts.collect(),
        clusters: kubeconfig.clusters.into_iter().map(|cluster| cluster.name).collect(),
        users: kubeconfig.users.into_iter().map(|user| user.name).collect(),
    })
}
