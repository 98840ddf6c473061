//! The version skew policy (<https://kubernetes.io/releases/version-skew-policy/>), in all its directions.
//!
//! With API servers of two minors, "newer" is measured against the oldest of them and "older" against the newest.
//! A component that runs with an emulation version counts as that minor: its interoperability is defined by it
//! (<https://kubernetes.io/docs/concepts/cluster-administration/compatibility-version/>, KEP-4330).

use std::{collections::HashMap, fmt};

use compact_str::CompactString;

use super::version::{KubeVersion, Minor};

/// A component that the policy speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are upstream's own")]
pub enum Component {
    ApiServer,
    ControllerManager,
    Scheduler,
    CloudControllerManager,
    Kubelet,
    KubeProxy,
    Kubectl,
}

impl Component {
    /// All of them, control plane first.
    pub const ALL: [Self; 7] = [
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::CloudControllerManager,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Kubectl,
    ];

    /// The name of its binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::CloudControllerManager => "cloud-controller-manager",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Kubectl => "kubectl",
        }
    }

    /// How many minors older than the newest API server an instance of this minor may be.
    #[must_use]
    pub fn may_lag(self, minor: Minor) -> u32 {
        match self {
            Self::Kubelet | Self::KubeProxy => node_skew(minor),
            Self::ApiServer
            | Self::ControllerManager
            | Self::Scheduler
            | Self::CloudControllerManager
            | Self::Kubectl => 1,
        }
    }

    /// How many minors newer than the oldest API server it may be.
    #[must_use]
    pub const fn may_lead(self) -> u32 {
        match self {
            Self::ApiServer | Self::Kubectl => 1,
            _ => 0,
        }
    }

    /// The oldest minor of it that works with an API server of this minor.
    #[must_use]
    pub fn oldest_with(self, api_server: Minor) -> Minor {
        let mut oldest = api_server;
        while let Some(older) = oldest.previous() {
            if api_server.newer_by(older) > i64::from(self.may_lag(older)) {
                break;
            }
            oldest = older;
        }
        oldest
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Kubelets and kube-proxies tolerate three minors since 1.25, two before (KEP-3935).
fn node_skew(minor: Minor) -> u32 {
    if minor < Minor::new(1, 25) { 2 } else { 3 }
}

/// One running component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which component.
    pub component: Component,
    /// How people know it: the pod's or the node's name; empty where there is but one.
    pub name: CompactString,
    /// The node it runs on, where known. Kubelets and kube-proxies of one node are compared.
    pub node: Option<CompactString>,
    /// What it is.
    pub version: KubeVersion,
    /// The minor that it emulates, where it emulates one.
    pub emulated: Option<Minor>,
}

impl Instance {
    /// An instance that emulates no other version.
    #[must_use]
    pub fn new(component: Component, name: impl Into<CompactString>, version: KubeVersion) -> Self {
        Self { component, name: name.into(), node: None, version, emulated: None }
    }

    /// The same, on this node.
    #[must_use]
    pub fn on(mut self, node: impl Into<CompactString>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// The same, emulating this minor.
    #[must_use]
    pub const fn emulating(mut self, minor: Minor) -> Self {
        self.emulated = Some(minor);
        self
    }

    /// The minor that the policy counts: the emulated one, else the binary's.
    #[must_use]
    pub fn effective(&self) -> Minor {
        self.emulated.unwrap_or_else(|| self.version.minor())
    }
}

impl fmt::Display for Instance {
    /// `kubelet of node-3 (v1.30.2)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component)?;
        match (&self.node, self.name.as_str()) {
            (Some(node), name) if name.is_empty() || name == node.as_str() => write!(f, " of {node}")?,
            (_, "") => {}
            (_, name) => write!(f, " {name}")?,
        }
        match self.emulated {
            Some(minor) if minor != self.version.minor() => write!(f, " ({}, emulating {minor})", self.version),
            _ => write!(f, " ({})", self.version),
        }
    }
}

/// In which direction an instance is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skew {
    /// Newer than it may be.
    TooNew,
    /// Older than it may be.
    TooOld,
}

/// An instance out of the policy's bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<'a> {
    /// The instance.
    pub who: &'a Instance,
    /// What it was measured against.
    pub against: &'a Instance,
    /// In which direction.
    pub skew: Skew,
    /// By how many minors the two may differ in that direction.
    pub allowed: u32,
    /// The newest or the oldest minor that it may have beside the other one.
    pub bound: Minor,
}

impl fmt::Display for Violation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, against, allowed, bound, .. } = self;
        let (direction, limit) = match self.skew {
            Skew::TooNew => ("newer", "at most"),
            Skew::TooOld => ("older", "at least"),
        };
        match allowed {
            0 => write!(f, "{who} must not be {direction} than {against}: {limit} {bound} is supported"),
            1 => write!(f, "{who} is more than one minor {direction} than {against}: {limit} {bound} is supported"),
            _ => write!(
                f,
                "{who} is more than {allowed} minors {direction} than {against}: {limit} {bound} is supported"
            ),
        }
    }
}

/// What could not be measured, since the other side is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmeasured<'a> {
    /// The instance.
    pub who: &'a Instance,
    /// The component that it should have been measured against.
    pub against: Component,
}

/// What the policy says of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkewReport<'a> {
    /// Instances out of bounds.
    pub violations: Vec<Violation<'a>>,
    /// Instances that could not be measured.
    pub unmeasured: Vec<Unmeasured<'a>>,
}

/// Measures every instance against the policy, in the order they are given.
#[must_use]
pub fn check(instances: &[Instance]) -> SkewReport<'_> {
    let mut report = SkewReport::default();
    let servers = || instances.iter().filter(|instance| instance.component == Component::ApiServer);
    let bounds = servers().min_by_key(|server| server.effective()).zip(newest_server(instances));
    let kubelets: HashMap<&str, &Instance> = instances
        .iter()
        .filter(|instance| instance.component == Component::Kubelet)
        .filter_map(|kubelet| Some((kubelet.node.as_deref()?, kubelet)))
        .collect();
    if let Some((oldest, newest)) = bounds {
        report.violations.extend(too_old(oldest, newest, 1));
    }
    for who in instances.iter().filter(|instance| instance.component != Component::ApiServer) {
        match bounds {
            Some((oldest, newest)) => {
                report.violations.extend(too_new(who, oldest, who.component.may_lead()));
                report.violations.extend(too_old(who, newest, who.component.may_lag(who.effective())));
            }
            None => report.unmeasured.push(Unmeasured { who, against: Component::ApiServer }),
        }
        if who.component == Component::KubeProxy {
            match who.node.as_deref().and_then(|node| kubelets.get(node)) {
                Some(kubelet) => {
                    let allowed = node_skew(who.effective());
                    report.violations.extend(too_new(who, kubelet, allowed));
                    report.violations.extend(too_old(who, kubelet, allowed));
                }
                None => report.unmeasured.push(Unmeasured { who, against: Component::Kubelet }),
            }
        }
    }
    report
}

fn newest_server(instances: &[Instance]) -> Option<&Instance> {
    // The first of equals, so that messages do not depend on how many follow.
    instances
        .iter()
        .filter(|instance| instance.component == Component::ApiServer)
        .reduce(|newest, server| if server.effective() > newest.effective() { server } else { newest })
}

fn too_new<'a>(who: &'a Instance, against: &'a Instance, allowed: u32) -> Option<Violation<'a>> {
    let theirs = against.effective();
    let bound = Minor { minor: theirs.minor.saturating_add(allowed), ..theirs };
    (who.effective() > bound).then_some(Violation { who, against, skew: Skew::TooNew, allowed, bound })
}

fn too_old<'a>(who: &'a Instance, against: &'a Instance, allowed: u32) -> Option<Violation<'a>> {
    let bound = against.effective().back(allowed);
    (who.effective() < bound).then_some(Violation { who, against, skew: Skew::TooOld, allowed, bound })
}

/// An instance that must be newer before an API server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveFirst<'a> {
    /// The instance.
    pub who: &'a Instance,
    /// The oldest minor of it that will do.
    pub at_least: Minor,
}

impl fmt::Display for MoveFirst<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be at least {} first", self.who, self.at_least)
    }
}

/// What must move before the first API server goes to `target`: other API servers that are more than one minor
/// behind it (it moves one minor at a time), and controllers, kubelets and kube-proxies that it would leave too far
/// behind. kubectl is left out: it is on people's machines, and moves when they like.
#[must_use]
pub fn moves_before(target: Minor, instances: &[Instance]) -> Vec<MoveFirst<'_>> {
    instances
        .iter()
        .filter(|who| who.component != Component::Kubectl)
        .filter_map(|who| {
            let at_least = who.component.oldest_with(target);
            (who.effective() < at_least).then_some(MoveFirst { who, at_least })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instance(component: Component, name: &str, version: &str) -> Instance {
        Instance::new(component, name, version.parse().unwrap())
    }

    fn kubelet(node: &str, version: &str) -> Instance {
        instance(Component::Kubelet, node, version).on(node)
    }

    fn said(instances: &[Instance]) -> Vec<String> {
        check(instances).violations.iter().map(ToString::to_string).collect()
    }

    /// Every component against one API server, and against two of 1.33 and 1.34: the oldest and newest minor that the
    /// policy's examples allow.
    #[test]
    fn the_policy_s_own_examples() {
        for (component, one, mixed) in [
            (Component::Kubelet, (31, 34), (31, 33)),
            (Component::KubeProxy, (31, 34), (31, 33)),
            (Component::ControllerManager, (33, 34), (33, 33)),
            (Component::Scheduler, (33, 34), (33, 33)),
            (Component::CloudControllerManager, (33, 34), (33, 33)),
            (Component::Kubectl, (33, 35), (33, 34)),
        ] {
            for (servers, (oldest, newest)) in [(&["v1.34.1"][..], one), (&["v1.33.5", "v1.34.1"][..], mixed)] {
                for minor in 28..38 {
                    let mut all: Vec<Instance> =
                        servers.iter().map(|version| instance(Component::ApiServer, "cp", version)).collect();
                    all.push(instance(component, "x", &format!("v1.{minor}.0")));
                    let report = check(&all);
                    let allowed = (oldest..=newest).contains(&minor);
                    assert_eq!(report.violations.is_empty(), allowed, "{component} 1.{minor} with {servers:?}");
                }
            }
        }
    }

    #[test]
    fn before_1_25_kubelets_tolerate_two_minors_only() {
        for (server, kubelet_version, fits) in [
            ("v1.26.0", "v1.24.9", true),
            ("v1.27.0", "v1.24.9", false),
            ("v1.28.0", "v1.25.9", true),
            ("v1.29.0", "v1.25.9", false),
            ("v1.24.0", "v1.22.1", true),
            ("v1.24.0", "v1.21.1", false),
        ] {
            let all = [instance(Component::ApiServer, "", server), kubelet("n", kubelet_version)];
            assert_eq!(said(&all).is_empty(), fits, "{server} {kubelet_version}");
        }
        let oldest = |minor| Component::Kubelet.oldest_with(Minor::new(1, minor)).minor;
        assert_eq!([24, 26, 27, 28, 34].map(oldest), [22, 24, 25, 25, 31]);
        assert_eq!(Component::Kubelet.oldest_with(Minor::new(1, 1)), Minor::new(1, 0));
    }

    #[test]
    fn api_servers_stay_within_one_minor() {
        let all = ["v1.32.1", "v1.34.0", "v1.33.0"].map(|version| instance(Component::ApiServer, version, version));
        assert_eq!(
            said(&all),
            [
                "kube-apiserver v1.32.1 (v1.32.1) is more than one minor older than kube-apiserver v1.34.0 (v1.34.0): at least 1.33 is supported"
            ]
        );
        assert!(said(&all[1..]).is_empty());
    }

    #[test]
    fn an_emulated_version_is_the_one_that_counts() {
        let server = instance(Component::ApiServer, "", "v1.37.2").emulating(Minor::new(1, 35));
        let all = [server, kubelet("n1", "v1.36.1"), kubelet("n2", "v1.32.4")];
        assert_eq!(
            said(&all),
            [
                "kubelet of n1 (v1.36.1) must not be newer than kube-apiserver (v1.37.2, emulating 1.35): at most 1.35 is supported"
            ]
        );
    }

    #[test]
    fn kube_proxy_is_measured_against_its_own_kubelet() {
        let proxy = |version: &str| instance(Component::KubeProxy, "kube-proxy-x", version).on("n");
        let server = instance(Component::ApiServer, "", "v1.34.0");
        let newer = [server.clone(), kubelet("n", "v1.30.1"), proxy("v1.34.0")];
        let words = said(&newer);
        assert_eq!(words.len(), 2, "{words:?}"); // the kubelet itself is too old for the server, too
        assert!(words[1].contains("more than 3 minors newer than kubelet of n (v1.30.1): at most 1.33"), "{words:?}");
        assert!(said(&[server.clone(), kubelet("n", "v1.31.1"), proxy("v1.34.0")]).is_empty());
        let older = [instance(Component::ApiServer, "", "v1.27.0"), kubelet("n", "v1.27.1"), proxy("v1.24.0")];
        assert!(
            said(&older).iter().any(|word| word.contains("2 minors older than kubelet of n")),
            "{:?}",
            said(&older)
        );
        let elsewhere = [server, kubelet("m", "v1.34.0"), proxy("v1.34.0")];
        assert_eq!(check(&elsewhere).unmeasured, [Unmeasured { who: &elsewhere[2], against: Component::Kubelet }]);
    }

    #[test]
    fn without_an_api_server_nothing_counts_as_fine() {
        let all = [kubelet("n", "v1.34.0")];
        assert_eq!(check(&all).unmeasured, [Unmeasured { who: &all[0], against: Component::ApiServer }]);
    }

    #[test]
    fn what_must_move_before_the_control_plane() {
        let all = [
            instance(Component::ApiServer, "a", "v1.34.2"),
            instance(Component::ApiServer, "b", "v1.33.2"),
            instance(Component::Scheduler, "s", "v1.33.2"),
            kubelet("n1", "v1.31.9-gke.100"),
            kubelet("n2", "v1.32.0"),
            instance(Component::KubeProxy, "p", "v1.31.0"),
            instance(Component::Kubectl, "", "v1.20.0"),
        ];
        let words: Vec<String> = moves_before(Minor::new(1, 35), &all).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "kube-apiserver b (v1.33.2) must be at least 1.34 first",
                "kube-scheduler s (v1.33.2) must be at least 1.34 first",
                "kubelet of n1 (v1.31.9-gke.100) must be at least 1.32 first",
                "kube-proxy p (v1.31.0) must be at least 1.32 first",
            ]
        );
        assert!(moves_before(Minor::new(1, 34), &all).is_empty());
    }

    proptest! {
        /// Whoever need not move before a hop is not too old after it.
        #[test]
        fn nobody_is_left_behind_who_need_not_move(minor in 20u32..40, target in 20u32..40) {
            let kubelet = kubelet("n", &format!("v1.{minor}.0"));
            let after = [instance(Component::ApiServer, "", &format!("v1.{target}.0")), kubelet];
            let must_move = !moves_before(Minor::new(1, target), &after[1..]).is_empty();
            let too_old = check(&after).violations.iter().any(|violation| violation.skew == Skew::TooOld);
            prop_assert_eq!(must_move, too_old);
        }
    }
}
