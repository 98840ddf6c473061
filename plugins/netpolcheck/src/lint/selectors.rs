//! Selectors that match nothing.

use patchkit::{
    report::{Severity, words::summary},
    rules::LabelSelector,
};

use super::{
    population::Meant,
    scene::{Found, RulePlace, Scene},
};
use crate::{
    policy::{Peers, PolicyKind, Rule, Scope, Term},
    world::namespace_of,
};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for (id, policy) in scene.policies() {
        let term = scene.analysis.policies.terms.get(policy.subject);
        let Some(meant) = scene.population.meant(term) else { continue };
        if !matches!(meant, Meant::Some(_) | Meant::Unknown(_)) {
            found.idle.insert(id);
        }
        let (title, hint) = match (meant, term) {
            (Meant::Unknown(why), _) => {
                found.cannot_tell("subject-matches-nothing", policy.display(), why);
                continue;
            }
            (Meant::OnlyHosts, _) => (
                format!(
                    "{} selects only pods in the network of their nodes, for which policies do not hold",
                    words(term)
                ),
                "protect them on the node, or give them a network of their own",
            ),
            // Whoever selects all pods of a namespace waits for those that come.
            (Meant::NoPod(_), Term::Pods { pods, .. }) if !pods.is_empty() => (
                format!("{} selects no pod{}", words(term), nearly(scene, term)),
                "correct the selector, or delete the policy",
            ),
            (Meant::NoNamespace, Term::Pods { .. }) => {
                (format!("{} selects no namespace", words(term)), "correct the selector, or delete the policy")
            }
            _ => continue,
        };
        found.add(scene.about_policy(id, "subject-matches-nothing", Severity::Medium, title).with_hint(hint));
    }
    for (place, rule) in scene.rules() {
        peers(scene, place, rule, found);
    }
}

fn peers(scene: &Scene<'_>, place: RulePlace, rule: &Rule, found: &mut Found) {
    let Peers::Any(terms) = &rule.peers else { return };
    let mut nobody = 0;
    for id in terms {
        let term = scene.analysis.policies.terms.get(*id);
        let Some(meant) = scene.population.meant(term) else { continue };
        let title = match meant {
            Meant::Some(_) => continue,
            Meant::Unknown(why) => {
                let name = format!("{} {}", scene.policy(place.policy).display(), place.display());
                found.cannot_tell("peer-matches-nothing", name, why);
                continue;
            }
            Meant::OnlyHosts => {
                nobody += 1;
                format!(
                    "{} matches only pods in the network of their nodes, whose traffic is that of the node",
                    words(term)
                )
            }
            Meant::NoNamespace => {
                nobody += 1;
                format!("{} matches no namespace", words(term))
            }
            Meant::NoPod(namespaces) => {
                nobody += 1;
                let Term::Pods { pods, .. } = term else { continue };
                // All pods of namespaces that hold none today.
                if pods.is_empty() {
                    continue;
                }
                let names: Vec<String> = namespaces.into_iter().map(str::to_owned).collect();
                let at = if names.is_empty() { String::new() } else { format!(" of {}", summary(&names)) };
                format!("{} matches no pod{at}{}", words(term), nearly(scene, term))
            }
        };
        let hint = match at_home(scene, place, term) {
            Some(home) => format!(
                "both selectors have to hold for one pod; if pods of {home} are meant, write podSelector as a peer of its own"
            ),
            None => "correct the selector, or take the peer out".to_owned(),
        };
        found.add(scene.about_rule(place, "peer-matches-nothing", Severity::Low, &title).with_hint(hint));
    }
    if nobody == terms.len() && !terms.is_empty() {
        found.dead.insert(place);
    }
}

/// The namespace of a policy, where its pods are those that a peer with both selectors names in others.
fn at_home<'s>(scene: &Scene<'s>, place: RulePlace, term: &Term) -> Option<&'s str> {
    let policy = scene.policy(place.policy);
    let Term::Pods { scope: Scope::Labelled(_), pods } = term else { return None };
    let home = namespace_of(policy.meta);
    let is_namespaced = policy.kind == PolicyKind::NetworkPolicy && !pods.is_empty();
    (is_namespaced && !scene.population.selected(&[home], pods).is_empty()).then_some(home)
}

/// A term for pods in words.
pub(super) fn words(term: &Term) -> String {
    let Term::Pods { scope, pods } = term else { return String::new() };
    let pods = |label: &str| if pods.is_empty() { String::new() } else { format!("{label} {pods}") };
    match scope {
        Scope::One(namespace) => match pods("podSelector") {
            text if text.is_empty() => format!("the empty podSelector in {namespace}"),
            text => format!("{text} in {namespace}"),
        },
        Scope::Labelled(selector) if selector.is_empty() => match pods("podSelector") {
            text if text.is_empty() => "the empty namespaceSelector".to_owned(),
            text => format!("{text} in all namespaces"),
        },
        Scope::Labelled(selector) => format!("namespaceSelector {selector}{}", pods(" with podSelector")),
    }
}

/// What a selector may have been meant to be: a namespace where it would match.
fn nearly(scene: &Scene<'_>, term: &Term) -> String {
    let Term::Pods { scope, pods } = term else { return String::new() };
    let own = scene.population.namespaces(scope);
    let all = scene.population.namespaces(&Scope::Labelled(LabelSelector::default()));
    let mut elsewhere: Vec<String> = scene
        .population
        .selected(&all, pods)
        .into_iter()
        .filter(|somebody| !somebody.in_host_network && !own.contains(&somebody.namespace))
        .map(|somebody| somebody.namespace.to_owned())
        .collect();
    elsewhere.dedup();
    if elsewhere.is_empty() {
        String::new()
    } else {
        format!(", though pods of {} have these labels", summary(&elsewhere))
    }
}
