//! Whether something decides which images may run: the plugin ImagePolicyWebhook, or what does its job.

use std::collections::BTreeSet;

use patchkit::snapshot::{Snapshot, kinds, objects::admission::Webhook};

use super::{
    super::{
        outcome::{Found, Gap, Outcome, unread},
        server::Said,
    },
    Look,
};
use crate::words::summary;

/// Programs that do nothing but judge images, by a word in the name of their webhooks or of the Service behind them
/// (their own installation manifests).
const VERIFIERS: [(&str, &str); 6] = [
    ("policy.sigstore.dev", "Sigstore's policy-controller"),
    ("connaisseur", "Connaisseur"),
    ("portieris", "Portieris"),
    ("image-policy", "an image policy webhook"),
    ("ratify", "Ratify"),
    ("notation", "a Notation verifier"),
];

/// Programs that judge everything that their own policies name: whether those speak of images does not show here.
const ENGINES: [(&str, &str); 5] = [
    ("kyverno", "Kyverno"),
    ("gatekeeper", "Gatekeeper"),
    ("kubewarden", "Kubewarden"),
    ("jspolicy", "jsPolicy"),
    ("azure-policy", "Azure Policy"),
];

fn of_webhook(webhook: &Webhook, known: &[(&str, &'static str)]) -> Option<&'static str> {
    let service = webhook.client_config.service.as_ref();
    let text = format!(
        "{} {} {}",
        webhook.name,
        service.map_or("", |service| service.namespace.as_str()),
        service.map_or("", |service| service.name.as_str())
    )
    .to_ascii_lowercase();
    known.iter().find(|(word, _)| text.contains(word)).map(|(_, name)| *name)
}

/// The general policy engines whose webhooks are there; sorted.
pub(super) fn engines(snapshot: &Snapshot) -> Vec<String> {
    let webhooks = snapshot.webhooks.iter().flat_map(|configuration| &configuration.webhooks);
    let found: BTreeSet<&str> = webhooks.filter_map(|webhook| of_webhook(webhook, &ENGINES)).collect();
    found.into_iter().map(str::to_owned).collect()
}

pub(in super::super) fn image_policy(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let plugin = look.server.ask(|flags| match flags.list("enable-admission-plugins") {
        Some(plugins) if plugins.contains(&"ImagePolicyWebhook") => Said::good("ImagePolicyWebhook is enabled"),
        None if !flags.is_all => Said::NotGiven,
        _ => Said::bad("lacks it"),
    });
    let mut webhooks = snapshot.webhooks.iter().flat_map(|configuration| &configuration.webhooks);
    let verifier = webhooks.find_map(|webhook| of_webhook(webhook, &VERIFIERS));
    // A policy without a binding that denies does nothing.
    let policy = snapshot.admission_policies.iter().find(|policy| {
        let speaks_of_images = policy.expressions.iter().any(|expression| expression.contains(".image"));
        let denies = snapshot
            .admission_policy_bindings
            .iter()
            .any(|binding| binding.policy == policy.meta.name && binding.actions.iter().any(|action| action == "Deny"));
        speaks_of_images && denies
    });
    let reasons = [
        Some(plugin.passed.clone()).filter(|passed| !passed.is_empty()),
        verifier.map(|name| format!("{name} judges images")),
        policy.map(|policy| {
            format!("the ValidatingAdmissionPolicy {} speaks of images and is bound to deny", policy.meta.name)
        }),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    if !reasons.is_empty() {
        return Outcome::told(Vec::new(), reasons.join("; "));
    }
    let engines = engines(snapshot);
    let needed = [
        kinds::VALIDATING_WEBHOOKS,
        kinds::MUTATING_WEBHOOKS,
        kinds::VALIDATING_ADMISSION_POLICIES,
        kinds::VALIDATING_ADMISSION_POLICY_BINDINGS,
    ];
    let mut gaps: Vec<Gap> = needed.iter().filter_map(|kind| unread(snapshot, kind)).collect();
    gaps.extend(plugin.gaps);
    if !engines.is_empty() {
        gaps.push(Gap::new(format!(
            "{} is there; whether one of its policies says which images may run is not read here",
            summary(&engines)
        )));
    }
    // Whether nothing does it is known only where all places were looked at.
    let found = if gaps.is_empty() { vec![Found::told("nothing decides which images may run")] } else { Vec::new() };
    Outcome::told(found, "").with_gaps(gaps)
}
