//! The steps in their order: control plane, then system pools, then user pools, then images that are only old.
//!
//! Kubelets that a hop would leave too far behind move before it, to the version that the control plane has by then.
//! Each step starts in a maintenance window of its own, where there are windows: how long a step takes is not known
//! here, and a step that runs out of its window is worse than one that waits for the next.

use std::collections::HashMap;

use jiff::Timestamp;
use patchkit::{
    rules::{
        surge::{SurgePool, SurgeSetting, surge_for},
        version::{KubeVersion, Minor},
        window::{self, Window},
    },
    snapshot::objects::node::Node,
};

use super::{
    commands,
    kubelets::{Kubelets, newest_of},
    model::{Hop, HopKind, Phase, Step},
};
use crate::{
    inventory::{Pool, Role, images},
    subject::Subject,
};

/// What the user decides about the steps.
#[derive(Clone, Debug, Default)]
pub struct StepOptions {
    /// How many nodes more than it has a pool may get.
    pub surge: SurgeSetting,
    /// When steps may start; none given means at any time.
    pub windows: Vec<Window>,
}

/// Works out the steps that lead over the hops to the target.
#[must_use]
pub fn steps(subject: Subject<'_>, hops: &[Hop], target: &KubeVersion, options: &StepOptions) -> Vec<Step> {
    let mut maker = Maker::new(subject, options);
    for (index, hop) in hops.iter().enumerate() {
        maker.pools_before(hop);
        let last = !hops[index + 1..].iter().any(|later| later.kind == HopKind::Emulation);
        maker.control_plane(hop, last);
    }
    for role in [Role::ControlPlane, Role::System, Role::User] {
        for pool in subject.inventory.pools.iter().filter(|pool| pool.role == role) {
            maker.pool_to(pool, target);
        }
    }
    for pool in subject.inventory.pools.iter().filter(|pool| pool.role != Role::ControlPlane) {
        maker.image_of(pool);
    }
    maker.steps
}

struct Maker<'a> {
    subject: Subject<'a>,
    options: &'a StepOptions,
    nodes: HashMap<&'a str, &'a Node>,
    kubelets: Kubelets<'a>,
    /// The version that the control plane has by now.
    reached: Option<KubeVersion>,
    /// Nodes that a step replaces, which gives them a current image too.
    renewed: Vec<&'a str>,
    /// The earliest moment for the next step.
    free_from: Timestamp,
    steps: Vec<Step>,
}

impl<'a> Maker<'a> {
    fn new(subject: Subject<'a>, options: &'a StepOptions) -> Self {
        let nodes: HashMap<&str, &Node> =
            subject.snapshot.nodes.iter().map(|node| (node.meta.name.as_str(), node)).collect();
        let (kubelets, reached) = (Kubelets::of(subject.snapshot), subject.inventory.server.clone());
        Self {
            subject,
            options,
            nodes,
            kubelets,
            reached,
            renewed: Vec::new(),
            free_from: subject.now,
            steps: Vec::new(),
        }
    }

    /// The machines of the control plane.
    fn machines(&self) -> Vec<&'a str> {
        let pools = self.subject.inventory.pools.iter();
        pools.filter(|pool| pool.role == Role::ControlPlane).flat_map(|pool| &pool.nodes).map(String::as_str).collect()
    }

    fn control_plane(&mut self, hop: &Hop, last_emulation: bool) {
        let inventory = self.subject.inventory;
        let machines = self.machines();
        let names: Vec<String> = machines.iter().map(|name| (*name).to_owned()).collect();
        let mut notes = Vec::new();
        let (title, commands) = match (hop.kind, hop.to.parse::<KubeVersion>()) {
            (HopKind::Emulation, _) => {
                let Ok(minor) = hop.to.parse::<Minor>() else { return };
                notes.push("every API and default of the new minor comes into force with this step".to_owned());
                (
                    format!("Raise the emulated minor of the control plane from {} to {}", hop.from, hop.to),
                    commands::emulation(inventory, &names, minor, last_emulation),
                )
            }
            (_, Ok(to)) => {
                // kubeadm's way, like k3s's, brings the kubelets of these machines along.
                self.kubelets.move_with_control_plane(inventory, &to);
                self.reached = Some(to.clone());
                (
                    format!("Bring the control plane from {} to {}", hop.from, hop.to),
                    commands::control_plane(inventory, &names, &to),
                )
            }
            (_, Err(_)) => return,
        };
        if hop.kind == HopKind::Minor {
            notes.push("take a backup of etcd first, where it is yours: there is no way back over a minor".to_owned());
        }
        if hop.provisional {
            notes.push("this version is not released yet".to_owned());
        }
        let batches = names.len();
        self.push(Step {
            number: 0,
            phase: Phase::ControlPlane,
            title,
            to: Some(hop.to.clone()),
            pool: None,
            nodes: names,
            surge: 0,
            batches,
            commands,
            not_before: None,
            not_after: None,
            notes,
        });
    }

    /// Pools with kubelets that this hop would leave too far behind go to where the control plane is by now.
    fn pools_before(&mut self, hop: &Hop) {
        if hop.kubelets_first.is_empty() {
            return;
        }
        let emulated = if hop.kind == HopKind::Emulation { hop.from.parse().ok() } else { None };
        let reached = emulated.map(|minor| newest_of(self.subject, minor)).or_else(|| self.reached.clone());
        let Some(reached) = reached else { return };
        let inventory = self.subject.inventory;
        for pool in &inventory.pools {
            if pool.nodes.iter().any(|node| hop.kubelets_first.contains(node)) {
                let from = self.steps.len();
                self.pool_to(pool, &reached);
                for step in &mut self.steps[from..] {
                    step.notes.push(format!("before the hop to {}: its kubelets would be too old for it", hop.to));
                }
            }
        }
    }

    /// Brings the nodes of a pool that are older to a version.
    fn pool_to(&mut self, pool: &'a Pool, to: &KubeVersion) {
        let behind = self.kubelets.raise(&pool.nodes, to);
        if behind.is_empty() {
            return;
        }
        let surge = self.surge_of(pool, behind.len());
        let title =
            format!("Bring pool {} ({} of {} nodes) to {}", pool.name, behind.len(), pool.nodes.len(), to.as_str());
        let commands = commands::pool(self.subject.inventory, pool, to, surge);
        self.renewed.extend(&behind);
        self.pool_step(pool, behind, surge, title, Some(to), commands);
    }

    /// Replaces the nodes of a pool whose image is too old and that no other step replaces.
    fn image_of(&mut self, pool: &'a Pool) {
        let due: Vec<&str> = pool
            .nodes
            .iter()
            .map(String::as_str)
            .filter(|name| !self.renewed.contains(name))
            .filter(|name| self.nodes.get(name).is_some_and(|node| images::is_due(node, self.subject.today)))
            .collect();
        if due.is_empty() {
            return;
        }
        let surge = self.surge_of(pool, due.len());
        let title = format!("Renew the images of pool {} ({} of {} nodes)", pool.name, due.len(), pool.nodes.len());
        let commands = commands::node_image(self.subject.inventory, pool, surge);
        let from = self.steps.len();
        self.pool_step(pool, due, surge, title, None, commands);
        for step in &mut self.steps[from..] {
            step.phase = Phase::NodeImage;
        }
    }

    fn pool_step(
        &mut self,
        pool: &'a Pool,
        nodes: Vec<&'a str>,
        surge: usize,
        title: String,
        to: Option<&KubeVersion>,
        commands: Vec<String>,
    ) {
        let mut notes = Vec::new();
        if pool.zones.len() > 1 && surge > 0 {
            notes.push(format!("the surge is a multiple of its {} zones: {}", pool.zones.len(), pool.zones.join(", ")));
        }
        let ordered = self.drain_order(nodes);
        self.push(Step {
            number: 0,
            phase: match pool.role {
                Role::ControlPlane => Phase::ControlPlane,
                Role::System => Phase::SystemPool,
                Role::User => Phase::UserPool,
            },
            title,
            to: to.map(|version| version.as_str().to_owned()),
            pool: Some(pool.name.clone()),
            batches: ordered.len().div_ceil(surge.max(1)),
            nodes: ordered,
            surge,
            commands,
            not_before: None,
            not_after: None,
            notes,
        });
    }

    fn surge_of(&self, pool: &Pool, moving: usize) -> usize {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // Whether the workloads bear more is the user's to say; a share of more than a third is a risk for most.
        let of = SurgePool { nodes: number(pool.nodes.len()), zones: number(pool.zones.len()), sensitive: true };
        surge_for(of, self.options.surge, number(moving)).nodes as usize
    }

    /// The oldest kubelets first; among equals one zone after the other, so that no zone is emptied before the others.
    fn drain_order(&self, mut nodes: Vec<&str>) -> Vec<String> {
        let of = |name: &&str| self.nodes.get(*name).copied();
        let age = |name: &&str| {
            of(name).and_then(|node| node.info.kubelet_version.parse::<KubeVersion>().ok()).map(|it| it.upstream())
        };
        let zone = |name: &&str| of(name).and_then(|node| node.zone()).unwrap_or_default();
        nodes.sort_unstable();
        let mut position: HashMap<&str, usize> = HashMap::new();
        let mut keyed: Vec<(usize, &str, &str)> = nodes
            .iter()
            .map(|name| {
                let place = position.entry(zone(name)).or_default();
                *place += 1;
                (*place, zone(name), *name)
            })
            .collect();
        keyed.sort_by(|a, b| (age(&a.2), a).cmp(&(age(&b.2), b)));
        keyed.into_iter().map(|(_, _, name)| name.to_owned()).collect()
    }

    /// Adds a step, with its number and its window.
    fn push(&mut self, mut step: Step) {
        step.number = self.steps.len() + 1;
        if let Some(window) = window::next_start(&self.options.windows, self.free_from) {
            step.not_before = Some(window.start.to_string());
            step.not_after = Some(window.end.to_string());
            self.free_from = window.end;
        }
        self.steps.push(step);
    }
}
