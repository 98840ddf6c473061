//! How the API server is started: who gets in, what is written down, what is encrypted, what is admitted.

use patchkit::report::Severity;

use super::{
    super::{
        outcome::Outcome,
        server::{Given, Said},
    },
    Look,
};
use crate::settings::boolean;

pub(in super::super) fn anonymous(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| match flags.get("anonymous-auth").map(|value| (value, boolean(value))) {
        Some((_, Some(false))) => Said::good("--anonymous-auth=false"),
        Some((value, _)) => Said::bad(format!("--anonymous-auth={value}")),
        // Since 1.31 it may decide for which paths (KEP-4633).
        None if flags.get("authentication-config").is_some() => Said::Hidden(
            "--authentication-config decides who gets in without a name, in a file that the API does not show"
                .to_owned(),
        ),
        None if flags.is_all => Said::bad("--anonymous-auth is not given, and true by default"),
        None => Said::NotGiven,
    })
}

pub(in super::super) fn static_tokens(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| match flags.first(&["token-auth-file", "basic-auth-file"]) {
        Some(flag) => Said::bad(format!("--{flag} is given: its credentials never end, and need a restart to change")),
        None if flags.is_all => Said::good("neither --token-auth-file nor --basic-auth-file is given"),
        None => Said::NotGiven,
    })
}

pub(in super::super) fn authorization(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| {
        if flags.get("authorization-config").is_some() {
            let why = "--authorization-config names the authorizers, in a file that the API does not show";
            return Said::Hidden(why.to_owned());
        }
        let Some(modes) = flags.list("authorization-mode") else {
            return if flags.is_all {
                let why = "--authorization-mode is not given, and AlwaysAllow by default";
                Said::Bad(why.to_owned(), Some(Severity::Critical))
            } else {
                Said::NotGiven
            };
        };
        let said = format!("--authorization-mode={}", modes.join(","));
        if modes.contains(&"AlwaysAllow") {
            Said::Bad(format!("{said}: everybody may do everything"), Some(Severity::Critical))
        } else if !modes.contains(&"RBAC") {
            Said::bad(format!("{said} lacks RBAC"))
        } else if !modes.contains(&"Node") {
            Said::Bad(format!("{said} lacks Node, which keeps kubelets to their own pods"), Some(Severity::Medium))
        } else {
            Said::good(said)
        }
    })
}

pub(in super::super) fn people(look: &Look<'_>) -> Outcome {
    const WAYS: [&str; 3] = ["oidc-issuer-url", "authentication-config", "authentication-token-webhook-config-file"];
    look.server.ask(|flags| match flags.first(&WAYS) {
        Some(flag) => Said::good(format!("--{flag} is given")),
        None if flags.is_all => {
            Said::bad("neither OIDC nor structured authentication nor a token webhook is configured: people have certificates or tokens of service accounts")
        }
        None => Said::NotGiven,
    })
}

pub(in super::super) fn audit_policy(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| match flags.get("audit-policy-file") {
        Some(file) => Said::good(format!("--audit-policy-file={file}")),
        None if flags.is_all => Said::bad("--audit-policy-file is not given: nothing is audited"),
        None => Said::NotGiven,
    })
}

/// The least that the CIS benchmark asks for: days, files, megabytes.
const ROTATION: [(&str, i64, &str); 3] =
    [("audit-log-maxage", 30, "days"), ("audit-log-maxbackup", 10, "files"), ("audit-log-maxsize", 100, "MB")];

pub(in super::super) fn audit_log(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| {
        let Some(path) = flags.get("audit-log-path") else {
            return match flags.get("audit-webhook-config-file") {
                Some(_) => Said::good("--audit-webhook-config-file sends the log elsewhere"),
                None if flags.is_all => Said::bad("neither --audit-log-path nor --audit-webhook-config-file is given"),
                None => Said::NotGiven,
            };
        };
        // What goes to standard output is rotated by whoever collects it.
        let lacking = if path == "-" { Vec::new() } else { lacking_rotation(flags) };
        if lacking.is_empty() {
            Said::good(format!("--audit-log-path={path}"))
        } else {
            Said::Bad(lacking.join(", "), Some(Severity::Low))
        }
    })
}

fn lacking_rotation(flags: Given<'_>) -> Vec<String> {
    let wrong = |(name, least, unit): (&str, i64, &str)| match flags.get(name) {
        Some(value) if value.parse::<i64>().is_ok_and(|number| number >= least) => None,
        Some(value) => Some(format!("--{name}={value} is less than {least} {unit}")),
        None if flags.is_all => Some(format!("--{name} is not given ({least} {unit} or more)")),
        None => None,
    };
    ROTATION.into_iter().filter_map(wrong).collect()
}

pub(in super::super) fn encryption(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| match flags.get("encryption-provider-config") {
        Some(file) => Said::good(format!(
            "--encryption-provider-config={file} (of what, and by which provider, stands in that file)"
        )),
        None if flags.is_all => Said::bad("--encryption-provider-config is not given: Secrets lie in etcd as they are"),
        None => Said::NotGiven,
    })
}

/// Plugins that are on by default, and guard something (`pkg/kubeapiserver/options/plugins.go`).
const GUARDS: [&str; 14] = [
    "NodeRestriction",
    "PodSecurity",
    "ServiceAccount",
    "NamespaceLifecycle",
    "LimitRanger",
    "ResourceQuota",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "ClusterTrustBundleAttest",
];

pub(in super::super) fn admission(look: &Look<'_>) -> Outcome {
    look.server.ask(|flags| {
        let enabled = flags.list("enable-admission-plugins");
        let has = |name: &str| enabled.as_ref().is_some_and(|plugins| plugins.contains(&name));
        let disabled: Vec<&str> = flags
            .list("disable-admission-plugins")
            .unwrap_or_default()
            .into_iter()
            .filter(|plugin| GUARDS.contains(plugin))
            .collect();
        if !disabled.is_empty() {
            Said::bad(format!("--disable-admission-plugins takes {} away", disabled.join(", ")))
        } else if has("AlwaysAdmit") {
            Said::bad("--enable-admission-plugins has AlwaysAdmit")
        } else if has("NodeRestriction") {
            Said::good("NodeRestriction is enabled, and no guard is disabled")
        } else if flags.is_all || enabled.is_some() {
            Said::bad(
                "--enable-admission-plugins lacks NodeRestriction: a kubelet may change other nodes and their pods",
            )
        } else {
            Said::NotGiven
        }
    })
}

fn plugin(look: &Look<'_>, name: &'static str) -> Outcome {
    look.server.ask(|flags| match flags.list("enable-admission-plugins") {
        Some(plugins) if plugins.contains(&name) => Said::good(format!("{name} is enabled")),
        None if !flags.is_all => Said::NotGiven,
        _ => Said::bad(format!("--enable-admission-plugins lacks {name}")),
    })
}

pub(in super::super) fn external_addresses(look: &Look<'_>) -> Outcome {
    plugin(look, "DenyServiceExternalIPs")
}

pub(in super::super) fn pull_always(look: &Look<'_>) -> Outcome {
    plugin(look, "AlwaysPullImages")
}

pub(in super::super) fn event_limits(look: &Look<'_>) -> Outcome {
    plugin(look, "EventRateLimit")
}
