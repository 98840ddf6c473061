//! Blocks of addresses: those that let in or out nearly everybody, and those that hold the addresses of pods.

use patchkit::report::{
    NotEvaluated, Severity,
    words::{count, summary},
};

use super::scene::{Found, RulePlace, Scene, some_of};
use crate::{
    address::{Address, Block, Family},
    engine::addresses_of,
    policy::{Action, Direction, Peers, Rule, Term, Tier},
    profile::Matching,
};

/// The address at which clouds give out the credentials of a node.
const METADATA: &str = "169.254.169.254";
/// Blocks with shorter prefixes are wide: more than any network that one owner has (`10.0.0.0/8`, `fc00::/7` and
/// `2000::/3` apart, an IPv6 owner gets a /16 at most).
const WIDE: [(Family, u32); 2] = [(Family::V4, 8), (Family::V6, 16)];

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let mut unknown = false;
    for (place, rule) in scene.rules() {
        let Peers::Any(terms) = &rule.peers else { continue };
        for id in terms {
            let term = scene.analysis.policies.terms.get(*id);
            let Term::Addresses { block, except } = term else { continue };
            if !wide(scene, place, rule, block, except, found) {
                unknown |= pods(scene, place, block, term, found);
            }
        }
    }
    if unknown {
        found.not_evaluated(NotEvaluated::hidden(
            "ip-block-hits-pods",
            "pods of manifests have no addresses yet, so that blocks may hold them",
        ));
    }
}

fn wide(scene: &Scene<'_>, place: RulePlace, rule: &Rule, block: &Block, except: &[Block], found: &mut Found) -> bool {
    let shortest = WIDE.iter().find(|(family, _)| *family == block.family).map_or(0, |(_, shortest)| *shortest);
    // Unique local addresses are private, however short their prefix.
    let private = Block::parse("fc00::/7").is_some_and(|private| private.holds(block));
    if block.prefix() >= shortest || private {
        return false;
    }
    if rule.action != Action::Allow {
        return true;
    }
    let ports = rule.ports.as_ref().map(|ports| match super::cover::numbers(ports) {
        numbers if numbers.is_empty() => "named ports".to_owned(),
        numbers => numbers.to_string(),
    });
    let to_metadata = Address::parse(METADATA).map(Block::one).filter(|address| {
        place.direction == Direction::Egress && block.holds(address) && !except.iter().any(|part| part.holds(address))
    });
    let severity = match (&ports, to_metadata) {
        (None, Some(_)) => Severity::Medium,
        _ => Severity::Low,
    };
    let verb = if place.direction == Direction::Ingress { "lets in" } else { "lets out to" };
    let on = ports.unwrap_or_else(|| "every port".to_owned());
    let and =
        if to_metadata.is_some() { format!(", the metadata address {METADATA} among them") } else { String::new() };
    let title = format!("{} {verb} nearly everybody, on {on}{and}", block.cidr());
    let finding = scene.about_rule(place, "wide-cidr", severity, &title).with_evidence("cidr", block.cidr()).with_hint(
        if to_metadata.is_some() {
            "name the networks that are needed, or except 169.254.169.254/32 and private ones that are not"
        } else {
            "name the networks that are needed"
        },
    );
    found.add(finding.with_evidence("except", except.iter().map(Block::cidr).collect::<Vec<_>>()));
    true
}

/// Says where a block holds addresses of pods; gives whether some of them are not known.
fn pods(scene: &Scene<'_>, place: RulePlace, block: &Block, term: &Term, found: &mut Found) -> bool {
    let addresses = addresses_of(term, block.family, None);
    let mut hit = Vec::new();
    let mut unknown = false;
    for pod in scene.analysis.world.pods.iter().filter(|pod| !pod.spec.host_network) {
        match pod.address(block.family) {
            Some(address) if addresses.contains(address.number) => hit.push(pod),
            Some(_) => {}
            None => unknown |= pod.addresses.is_none(),
        }
    }
    let Some(first) = hit.first() else { return unknown };
    let semantics = &scene.analysis.semantics;
    let of_plugin = match (scene.policy(place.policy).tier, semantics.blocks_match_pods) {
        (_, Matching::Yes) => "it matches them here, until their addresses change; other network plugins do not",
        (Tier::NetworkPolicy, _) => {
            "it does not match them under this profile, as a block means addresses outside only"
        }
        (..) => "whether it matches them depends on the network plugin",
    };
    // A single address is that of whichever pod has it next.
    let severity = if block.first == block.last { Severity::Medium } else { Severity::Low };
    let names: Vec<String> = hit.iter().map(|pod| pod.meta.path()).collect();
    let named =
        if hit.len() == 1 { first.meta.path() } else { format!("{} ({})", count(hit.len(), "pod"), summary(&names)) };
    let title = format!("{} holds the address of {named}: {of_plugin}", block.cidr());
    found.add(
        scene
            .about_rule(place, "ip-block-hits-pods", severity, &title)
            .with_evidence("cidr", block.cidr())
            .with_evidence("count", names.len())
            .with_evidence("pods", some_of(&names))
            .with_hint("name pods by their labels, and keep blocks for what is outside of the cluster"),
    );
    unknown
}
