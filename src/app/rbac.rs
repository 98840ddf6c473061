//! The roles that a plugin needs, for whoever grants them: printed as manifests, with bindings where somebody is named.

use std::{io::Write as _, str::FromStr};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{App, Failure};
use crate::{render::RenderError, report::Exit};

/// The group of all that RBAC is written in.
const GROUP: &str = "rbac.authorization.k8s.io";

/// A plugin's ClusterRoles, as manifests in YAML.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// What its reading commands need.
    pub read_only: &'static str,
    /// What all of its commands need.
    pub operate: &'static str,
}

/// How much may be done with a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What the reading commands need
    #[default]
    ReadOnly,
    /// What all commands need, those that change the cluster too
    Operate,
}

/// The flags of `rbac`.
#[derive(Args, Clone, Debug, Default)]
pub struct RbacArgs {
    /// How much may be done with the role
    #[arg(long, value_enum, default_value_t)]
    pub level: Level,

    /// Bind the role to somebody, in the whole cluster: user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME
    /// (repeatable)
    #[arg(long, value_name = "KIND:NAME")]
    pub bind_to: Vec<Subject>,
}

/// Somebody a role is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user, by the name that the API server knows.
    User(String),
    /// A group of users.
    Group(String),
    /// A ServiceAccount: its namespace and name.
    ServiceAccount(String, String),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} names nobody: expected user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME");
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
        match kind.to_ascii_lowercase().as_str() {
            "user" => Ok(Self::User(name.to_owned())),
            "group" => Ok(Self::Group(name.to_owned())),
            "serviceaccount" | "sa" => {
                // kubectl writes NAMESPACE:NAME, and everybody else NAMESPACE/NAME.
                let parts = name.split_once('/').or_else(|| name.split_once(':'));
                let is_name = |part: &str| !part.is_empty() && !part.contains(['/', ':']);
                let (namespace, name) =
                    parts.filter(|(namespace, name)| is_name(namespace) && is_name(name)).ok_or_else(wrong)?;
                Ok(Self::ServiceAccount(namespace.to_owned(), name.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

impl Subject {
    /// A name for the binding of a role to this one. Each subject has a binding of its own: applied later, that of
    /// another must not take this one's place.
    fn binding_name(&self, role: &str) -> String {
        let name = match self {
            Self::User(name) => format!("{role}:user:{name}"),
            Self::Group(name) => format!("{role}:group:{name}"),
            Self::ServiceAccount(namespace, name) => format!("{role}:serviceaccount:{namespace}:{name}"),
        };
        // Names of bindings are path segments (apimachinery/pkg/api/validation/path); those of users need not be.
        name.replace(['/', '%'], ":")
    }

    fn wire(&self) -> WireSubject<'_> {
        match self {
            Self::User(name) => WireSubject { kind: "User", api_group: Some(GROUP), namespace: None, name },
            Self::Group(name) => WireSubject { kind: "Group", api_group: Some(GROUP), namespace: None, name },
            Self::ServiceAccount(namespace, name) => {
                WireSubject { kind: "ServiceAccount", api_group: None, namespace: Some(namespace), name }
            }
        }
    }
}

#[derive(Deserialize)]
struct WireRole {
    metadata: WireMeta,
}

#[derive(Deserialize, Serialize)]
struct WireMeta {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireBinding<'a> {
    api_version: &'a str,
    kind: &'a str,
    metadata: WireMeta,
    role_ref: WireSubject<'a>,
    subjects: [WireSubject<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSubject<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
}

/// The manifests: the role of a level, and a ClusterRoleBinding for each subject.
fn manifests(roles: &Roles, args: &RbacArgs) -> Result<String, RenderError> {
    let role = match args.level {
        Level::ReadOnly => roles.read_only,
        Level::Operate => roles.operate,
    };
    let form = |why: String| RenderError::Form { format: "yaml", why };
    let mut text = role.to_owned();
    let WireRole { metadata: WireMeta { name } } =
        serde_saphyr::from_str(role).map_err(|error| form(error.to_string()))?;
    for subject in &args.bind_to {
        let binding = WireBinding {
            api_version: "rbac.authorization.k8s.io/v1",
            kind: "ClusterRoleBinding",
            metadata: WireMeta { name: subject.binding_name(&name) },
            role_ref: WireSubject { kind: "ClusterRole", api_group: Some(GROUP), namespace: None, name: &name },
            subjects: [subject.wire()],
        };
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&binding).map_err(|error| form(error.to_string()))?);
    }
    Ok(text)
}

impl App {
    /// Prints a plugin's role, bound to whom that is asked for. No cluster is asked.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn print_roles(&self, roles: &Roles, args: &RbacArgs) -> Result<Exit, Failure> {
        let text = manifests(roles, args)?;
        let mut out = self.out();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(RenderError::Write)?;
        Ok(Exit::Clean)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROLES: Roles = Roles {
        read_only: "kind: ClusterRole\nmetadata:\n  name: reader\n",
        operate: "kind: ClusterRole\nmetadata:\n  name: operator\n",
    };

    fn bound(level: Level, subjects: &[&str]) -> Vec<Value> {
        let bind_to = subjects.iter().map(|text| text.parse().expect("somebody")).collect();
        let text = manifests(&ROLES, &RbacArgs { level, bind_to }).expect("manifests");
        text.split("---\n").map(|document| serde_saphyr::from_str(document).expect("YAML")).collect()
    }

    #[test]
    fn a_role_alone_is_the_manifest_itself() {
        let of = |level| manifests(&ROLES, &RbacArgs { level, bind_to: Vec::new() }).expect("a manifest");
        assert_eq!((of(Level::ReadOnly), of(Level::Operate)), (ROLES.read_only.to_owned(), ROLES.operate.to_owned()));
    }

    #[test]
    fn everybody_has_a_binding_of_their_own() {
        let all =
            bound(Level::Operate, &["user:https://issuer/anna", "group:ops", "serviceaccount:tools/runner", "sa:a:b"]);
        assert_eq!(all.len(), 5);
        assert_eq!(all[1]["metadata"]["name"], "operator:user:https:::issuer:anna");
        assert_eq!(
            all[1]["subjects"],
            json!([{"kind": "User", "apiGroup": GROUP, "name": "https://issuer/anna"}]),
            "the name itself is kept"
        );
        assert_eq!(all[2]["subjects"], json!([{"kind": "Group", "apiGroup": GROUP, "name": "ops"}]));
        assert_eq!(
            all[3],
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                   "metadata": {"name": "operator:serviceaccount:tools:runner"},
                   "roleRef": {"kind": "ClusterRole", "apiGroup": GROUP, "name": "operator"},
                   "subjects": [{"kind": "ServiceAccount", "namespace": "tools", "name": "runner"}]})
        );
        assert_eq!(all[4]["subjects"], json!([{"kind": "ServiceAccount", "namespace": "a", "name": "b"}]));
    }

    #[test]
    fn who_is_nobody_is_refused() {
        for text in ["", "anna", "user:", "robot:anna", "serviceaccount:runner", "serviceaccount:a/", "sa:a/b/c"] {
            assert!(text.parse::<Subject>().is_err(), "{text:?}");
        }
    }
}
