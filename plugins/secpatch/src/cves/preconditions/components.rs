//! Predicates on how the cluster's own components are configured.

use patchkit::{
    rules::version::KubeVersion,
    snapshot::{Snapshot, kinds},
};

use crate::{
    cves::{Holds, preconditions::evaluate::Answer},
    facts::{Component, GateAt},
    inventory::Place,
    settings::{self, text},
    subject::Subject,
    words::named,
};

pub(super) fn log_verbosity(subject: Subject<'_>, components: &[Component], at_least: u8) -> Answer {
    let answers: Vec<Answer> = components.iter().map(|component| verbosity_of(subject, component, at_least)).collect();
    let pick = |holds: Holds| answers.iter().filter(move |answer| answer.holds == holds);
    let said = |holds: Holds| pick(holds).map(|answer| answer.why.as_str()).collect::<Vec<_>>().join("; ");
    if pick(Holds::Yes).next().is_some() {
        Answer::yes(said(Holds::Yes))
    } else if pick(Holds::Unknown).next().is_some() {
        Answer::unknown(said(Holds::Unknown))
    } else {
        Answer::no(said(Holds::No))
    }
}

fn verbosity_of(subject: Subject<'_>, component: &Component, at_least: u8) -> Answer {
    let flags = settings::flags(subject, component);
    let loud: Vec<_> = flags
        .get("v")
        .filter(|(_, value)| value.parse::<u32>().is_ok_and(|level| level >= u32::from(at_least)))
        .map(|(object, _)| object)
        .collect();
    if !loud.is_empty() {
        return Answer::yes(format!("{component} logs at verbosity {at_least} or more ({})", named(loud)));
    }
    // The kubelet and the proxy also take it from their configuration; a flag there would not show.
    let config = match component.as_str() {
        "kubelet" => settings::kubelet(subject.snapshot).unwrap_or_default(),
        "kube-proxy" => settings::kube_proxy(subject.snapshot).unwrap_or_default(),
        _ => Vec::new(),
    };
    let level = |config: &serde_json::Value| config["logging"]["verbosity"].as_u64();
    if let Some((object, _)) = config.iter().find(|(_, config)| level(config) >= Some(u64::from(at_least))) {
        return Answer::yes(format!("{component} logs at verbosity {at_least} or more ({})", object.display()));
    }
    match flags.hidden {
        Some(why) => Answer::unknown(format!("verbosity of {component}: {why}")),
        None => Answer::no(format!("{component} logs below verbosity {at_least}")),
    }
}

pub(super) fn flag(subject: Subject<'_>, component: &Component, name: &str, value: &str, by_default: bool) -> Answer {
    let flags = settings::flags(subject, component);
    let set: Vec<_> = flags.get(name).filter(|(_, found)| *found == value).map(|(object, _)| object).collect();
    if !set.is_empty() {
        return Answer::yes(format!("--{name}={value} of {component} ({})", named(set)));
    }
    if let Some(why) = flags.hidden {
        return Answer::unknown(why);
    }
    match flags.get(name).next() {
        Some((object, other)) => Answer::no(format!("--{name}={other} of {component} ({})", object.display())),
        None => Answer::is(by_default, format!("{component} is not given --{name}")),
    }
}

pub(super) fn kubelet_config(snapshot: &Snapshot, field: &str, unless: &str, by_default: bool) -> Answer {
    let configs = match settings::kubelet(snapshot) {
        Ok(configs) => configs,
        Err(why) => return Answer::unknown(why),
    };
    let values: Vec<_> = configs.iter().map(|(object, config)| (object, &config[field])).collect();
    let other = values.iter().find(|(_, value)| !value.is_null() && text(value) != unless);
    match (other, values.first()) {
        (Some((object, value)), _) => Answer::yes(format!("{field} is {} in {}", text(value), object.display())),
        (None, Some((object, value))) if !value.is_null() => {
            Answer::no(format!("{field} is {unless} in {}", object.display()))
        }
        (None, Some((object, _))) => Answer::is(by_default, format!("{} does not set {field}", object.display())),
        (None, None) => Answer::unknown("no configuration of the kubelet was found"),
    }
}

pub(super) fn feature_gate(subject: Subject<'_>, component: &Component, name: &str) -> Answer {
    let flags = settings::flags(subject, component);
    let set = |wanted: bool| {
        flags
            .get("feature-gates")
            .filter(|(_, value)| {
                settings::gates_of_flag(value)
                    .iter()
                    .rev()
                    .find(|(gate, _)| gate == name)
                    .is_some_and(|(_, on)| *on == wanted)
            })
            .map(|(object, _)| object)
            .collect::<Vec<_>>()
    };
    let (on, off) = (set(true), set(false));
    if !on.is_empty() {
        return Answer::yes(format!("{name}=true of {component} ({})", named(on)));
    }
    if let Some(why) = flags.hidden {
        return Answer::unknown(format!("feature gates of {component}: {why}"));
    }
    if !off.is_empty() {
        return Answer::no(format!("{name}=false of {component} ({})", named(off)));
    }
    let minor = subject
        .inventory
        .instances
        .iter()
        .filter(|found| found.component == *component)
        .find_map(|found| Some(found.version.as_deref()?.parse::<KubeVersion>().ok()?.minor()))
        .or_else(|| subject.inventory.effective_minor());
    let Some(minor) = minor else { return Answer::unknown(format!("the version of {component} is not known")) };
    match subject.facts.gates().at(name, minor) {
        Some(GateAt::Present(span)) => match span.default {
            Some(default) => {
                let word = if default { "on" } else { "off" };
                Answer::is(default, format!("{name} is {word} by default in {minor}"))
            }
            None => Answer::unknown(format!("no source says whether {name} is on by default in {minor}")),
        },
        Some(GateAt::NotYet { from }) => Answer::no(format!("{name} comes with {from}")),
        // What is gone was stable and is always on, or was dropped.
        Some(GateAt::Removed { since }) => Answer::unknown(format!("{name} went with {since}")),
        None => Answer::unknown(format!("no source knows the feature gate {name}")),
    }
}

pub(super) fn admission_plugin(subject: Subject<'_>, name: &str, by_default: bool) -> Answer {
    let flags = settings::flags(subject, &Component::KUBE_APISERVER);
    let names = |flag: &str| -> Vec<_> {
        flags
            .get(flag)
            .filter(|(_, value)| value.split(',').any(|plugin| plugin.trim() == name))
            .map(|(object, _)| object)
            .collect()
    };
    let (on, off) = (names("enable-admission-plugins"), names("disable-admission-plugins"));
    if !on.is_empty() {
        return Answer::yes(format!("the API server enables {name} ({})", named(on)));
    }
    if let Some(why) = flags.hidden {
        return Answer::unknown(why);
    }
    if !off.is_empty() {
        return Answer::no(format!("the API server disables {name} ({})", named(off)));
    }
    let word = if by_default { "on" } else { "off" };
    Answer::is(by_default, format!("the API server's flags do not name {name}, which is {word} by default"))
}

/// Kubernetes authenticates to its etcd with certificates and leaves etcd's own users and roles off.
pub(super) fn etcd_authentication(subject: Subject<'_>) -> Answer {
    let mut others = Vec::new();
    let mut of_control_plane = 0_usize;
    for instance in subject.inventory.instances.iter().filter(|found| found.component == Component::ETCD) {
        match &instance.place {
            Place::Pod { namespace, .. } if namespace == "kube-system" => of_control_plane += 1,
            place => others.push(place.named().1),
        }
    }
    if let Some(other) = others.first() {
        return Answer::unknown(format!("{other} is no etcd of the control plane, and its users do not show"));
    }
    if of_control_plane > 0 {
        return Answer::no("the etcd is that of the control plane, which does not use etcd's own users");
    }
    let why = subject.snapshot.why_unknown(&kinds::PODS).unwrap_or_else(|| "no etcd is visible".to_owned());
    Answer::unknown(why)
}
