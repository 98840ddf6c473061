//! The patch of one pod or template.

use patchkit::rules::{
    Container, PodSpec,
    pod::{SeLinuxOptions, Volume},
};
use serde_json::{Value, json};

use super::{
    draft::Draft,
    merge::merge,
    model::{Answers, Decision, PodFix, VolumeAnswer},
    pod_json,
};
use crate::pod_security::{Level, PolicyVersion, Subject, Violation, active, evaluate, facts};

/// The smallest change that makes a pod or template pass a level. What it passes already is left as it is.
#[must_use]
pub fn make(subject: Subject<'_>, level: Level, version: PolicyVersion, answers: &Answers) -> PodFix {
    let mut maker =
        Maker { subject, version, answers, draft: Draft::default(), decisions: Vec::new(), effects: Vec::new() };
    for violation in evaluate(subject, level, version) {
        maker.fix(&violation.check);
    }
    // A new user is wanted where runAsNonRoot is, which the checks above have asked for.
    maker.users(level);
    let Maker { draft, decisions, effects, .. } = maker;
    let patch = draft.finish();
    let remaining = match &patch {
        Some(patch) => judge_patched(subject, patch, level, version),
        None => evaluate(subject, level, version),
    };
    PodFix { patch, decisions, effects, remaining }
}

/// What a level says of a pod with a patch.
fn judge_patched(subject: Subject<'_>, patch: &Value, level: Level, version: PolicyVersion) -> Vec<Violation> {
    let patched = pod_json::to_json(subject).and_then(|mut pod| {
        merge(&mut pod, patch);
        pod_json::from_json(&pod)
    });
    match patched {
        Ok((annotations, spec)) => evaluate(Subject { annotations: &annotations, spec: &spec }, level, version),
        // A pod that cannot be written and read again is not shown to pass.
        Err(_) => evaluate(subject, level, version),
    }
}

struct Maker<'a> {
    subject: Subject<'a>,
    version: PolicyVersion,
    answers: &'a Answers,
    draft: Draft,
    decisions: Vec<Decision>,
    effects: Vec<String>,
}

/// Each container with its field and its place there.
fn containers(spec: &PodSpec) -> impl Iterator<Item = ((&'static str, usize), &Container)> {
    [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
        ("ephemeralContainers", &spec.ephemeral_containers),
    ]
    .into_iter()
    .flat_map(|(field, list)| list.iter().enumerate().map(move |(at, container)| ((field, at), container)))
}

impl Maker<'_> {
    fn fix(&mut self, check: &str) {
        match check {
            "appArmorProfile" => self.app_armor(),
            "capabilities_baseline" => self.capabilities(facts::BASELINE_CAPABILITIES, false),
            "capabilities_restricted" if self.lacks_on_windows("capabilities") => {}
            "capabilities_restricted" => self.capabilities(facts::RESTRICTED_CAPABILITIES, true),
            "hostNamespaces" => self.host_namespaces(),
            "hostPathVolumes" => self.volumes(|volume| facts::forbidden_volume_type(volume) == Some("hostPath")),
            "restrictedVolumes" => self.volumes(|volume| facts::forbidden_volume_type(volume).is_some()),
            "hostPorts" => self.host_ports(),
            "hostProbesAndHostLifecycle" => self.hosts_of_handlers(),
            "privileged" => self.privileged(),
            "procMount" | "procMount_restricted" => self.proc_mount(),
            "seLinuxOptions" => self.se_linux(),
            "seccompProfile_baseline" => self.seccomp_baseline(),
            "seccompProfile_restricted" if self.lacks_on_windows("seccompProfile") => {}
            "seccompProfile_restricted" => self.seccomp_restricted(),
            "sysctls" => self.sysctls(),
            "windowsHostProcess" => self.host_process(),
            "allowPrivilegeEscalation" if self.lacks_on_windows("allowPrivilegeEscalation") => {}
            "allowPrivilegeEscalation" => self.privilege_escalation(),
            "runAsNonRoot" => self.run_as_non_root(),
            "runAsUser" => self.run_as_user(),
            _ => {}
        }
    }

    /// Below policy version 1.25 restricted asks of Windows what the API server refuses there.
    fn lacks_on_windows(&mut self, field: &str) -> bool {
        let is_windows = self.subject.is_windows();
        if is_windows {
            self.decisions.push(Decision {
                question: format!(
                    "a pod of Windows has no {field}, which restricted {} asks for all the same: no pod of Windows can \
                     reach it below v1.25",
                    self.version
                ),
                answer_by: Some("--policy-version v1.25".to_owned()),
                blocks: true,
            });
        }
        is_windows
    }

    fn app_armor(&mut self) {
        let spec = self.subject.spec;
        let is_bad = |kind: &str| !matches!(kind, "RuntimeDefault" | "Localhost");
        let of_pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
        if of_pod.is_some_and(|profile| is_bad(&profile.kind)) {
            self.draft.pod(&["securityContext", "appArmorProfile"], Value::Null);
        }
        for (at, container) in containers(spec) {
            let profile = container.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
            if profile.is_some_and(|profile| is_bad(&profile.kind)) {
                self.draft.container(at, &container.name, &["securityContext", "appArmorProfile"], Value::Null);
            }
        }
        for (key, value) in self.subject.annotations.iter() {
            if facts::is_forbidden_app_armor_annotation(key, value) {
                self.draft.drop_annotation(key);
            }
        }
        self.effects.push("the runtime's AppArmor profile applies".to_owned());
    }

    fn capabilities(&mut self, allowed: &[&str], drops_all: bool) {
        for (at, container) in containers(self.subject.spec) {
            let of = container.security_context.as_ref().and_then(|context| context.capabilities.as_ref());
            let added = of.map(|of| &of.add[..]).unwrap_or_default();
            let kept: Vec<&str> =
                added.iter().map(|added| added.as_str()).filter(|added| allowed.contains(added)).collect();
            if kept.len() < added.len() {
                let lost: Vec<&str> =
                    added.iter().map(|added| added.as_str()).filter(|added| !allowed.contains(added)).collect();
                self.effects.push(format!("container {} loses the capabilities {}", container.name, lost.join(", ")));
                let value = if kept.is_empty() { Value::Null } else { json!(kept) };
                self.draft.container(at, &container.name, &["securityContext", "capabilities", "add"], value);
            }
            if drops_all && !of.is_some_and(|of| of.drop.iter().any(|dropped| dropped == "ALL")) {
                let path = ["securityContext", "capabilities", "drop"];
                self.draft.container(at, &container.name, &path, json!(["ALL"]));
            }
        }
    }

    fn host_namespaces(&mut self) {
        let spec = self.subject.spec;
        for (is_set, field, effect) in [
            (spec.host_network, "hostNetwork", "the pod gets an address of its own: the node's no longer leads to it"),
            (spec.host_pid, "hostPID", "the node's processes are no longer seen"),
            (spec.host_ipc, "hostIPC", "the node's shared memory is no longer seen"),
        ] {
            if is_set {
                self.draft.pod(&[field], Value::Null);
                self.effects.push(effect.to_owned());
            }
        }
    }

    fn volumes(&mut self, is_forbidden: impl Fn(&Volume) -> bool) {
        let spec = self.subject.spec;
        for volume in spec.volumes.iter().filter(|volume| is_forbidden(volume)) {
            let users: Vec<&str> = containers(spec)
                .map(|(_, container)| container)
                .filter(|container| {
                    container.volume_mounts.iter().any(|mount| mount.name == volume.name)
                        || container.volume_devices.iter().any(|device| device.name == volume.name)
                })
                .map(|container| container.name.as_str())
                .collect();
            let kind = facts::forbidden_volume_type(volume).unwrap_or("unknown");
            let field = volume.source.field().unwrap_or_default();
            match self.answers.volumes.get(volume.name.as_str()) {
                Some(VolumeAnswer::EmptyDir) => {
                    self.draft.volume(json!({"name": volume.name, field: null, "emptyDir": {}}));
                }
                Some(VolumeAnswer::Claim(claim)) => self
                    .draft
                    .volume(json!({"name": volume.name, field: null, "persistentVolumeClaim": {"claimName": claim}})),
                // What nobody mounts can go.
                None if users.is_empty() => self.draft.volume(json!({"name": volume.name, "$patch": "delete"})),
                None => self.decisions.push(Decision {
                    question: format!(
                        "the volume {} of type {kind} is mounted by {}: what takes its place?",
                        volume.name,
                        users.join(", ")
                    ),
                    answer_by: Some(format!("--volume {0}=emptyDir, or --volume {0}=claim:CLAIM", volume.name)),
                    blocks: true,
                }),
            }
        }
    }

    fn host_ports(&mut self) {
        for (at, container) in containers(self.subject.spec) {
            let takes = |port: &patchkit::rules::pod::ContainerPort| port.host_port.is_some_and(|port| port != 0);
            if !container.ports.iter().any(takes) {
                continue;
            }
            let mut numbers: Vec<i32> = container.ports.iter().map(|port| port.container_port).collect();
            numbers.sort_unstable();
            let is_unique = numbers.windows(2).all(|pair| pair[0] != pair[1]);
            let ports: Vec<Value> = if is_unique {
                let taking = container.ports.iter().filter(|port| takes(port));
                taking.map(|port| json!({"containerPort": port.container_port, "hostPort": null})).collect()
            } else {
                // The API tells ports apart by their number alone, so that two of one number cannot be told apart.
                let all = container.ports.iter().map(|port| {
                    let mut one = json!({"containerPort": port.container_port});
                    for (field, value) in
                        [("name", &port.name), ("protocol", &port.protocol), ("hostIP", &port.host_ip)]
                    {
                        if let Some(value) = value {
                            one[field] = value.as_str().into();
                        }
                    }
                    one
                });
                std::iter::once(json!({"$patch": "replace"})).chain(all).collect()
            };
            self.draft.container(at, &container.name, &["ports"], ports.into());
            self.effects.push(format!("container {} is no longer reached by a port of its node", container.name));
        }
    }

    fn hosts_of_handlers(&mut self) {
        for (at, container) in containers(self.subject.spec) {
            for (path, host) in facts::handler_hosts(container) {
                self.effects
                    .push(format!("{} of container {} asks the pod itself instead of {host}", path[0], container.name));
                self.draft.container(at, &container.name, &[&path[..], &["host"]].concat(), Value::Null);
            }
        }
    }

    fn privileged(&mut self) {
        for (at, container) in containers(self.subject.spec) {
            if container.security_context.as_ref().and_then(|context| context.privileged) == Some(true) {
                self.draft.container(at, &container.name, &["securityContext", "privileged"], json!(false));
                self.effects.push(format!("container {} loses all power over its node", container.name));
            }
        }
    }

    fn proc_mount(&mut self) {
        for (at, container) in containers(self.subject.spec) {
            let kind = container.security_context.as_ref().and_then(|context| context.proc_mount.as_deref());
            if kind.is_some_and(|kind| kind != "Default") {
                self.draft.container(at, &container.name, &["securityContext", "procMount"], Value::Null);
            }
        }
    }

    fn se_linux(&mut self) {
        let spec = self.subject.spec;
        let allowed = facts::se_linux_types(self.version);
        let bad_fields = |options: &SeLinuxOptions| -> Vec<&'static str> {
            let is_set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
            [
                ("type", !allowed.contains(&options.kind.as_deref().unwrap_or_default())),
                ("user", is_set(options.user.as_deref())),
                ("role", is_set(options.role.as_deref())),
            ]
            .into_iter()
            .filter_map(|(field, is_bad)| is_bad.then_some(field))
            .collect()
        };
        let of_pod = spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
        for field in of_pod.map(bad_fields).unwrap_or_default() {
            self.draft.pod(&["securityContext", "seLinuxOptions", field], Value::Null);
        }
        for (at, container) in containers(spec) {
            let options = container.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
            for field in options.map(bad_fields).unwrap_or_default() {
                let path = ["securityContext", "seLinuxOptions", field];
                self.draft.container(at, &container.name, &path, Value::Null);
            }
        }
    }

    fn seccomp_baseline(&mut self) {
        if facts::seccomp_is_an_annotation(self.version) {
            for (key, _) in facts::forbidden_seccomp_annotations(self.subject) {
                self.draft.drop_annotation(&key);
            }
            return;
        }
        let spec = self.subject.spec;
        let of_pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
        if of_pod.is_some_and(|profile| !facts::confines(profile)) {
            self.draft.pod(&["securityContext", "seccompProfile"], Value::Null);
        }
        self.drop_bad_seccomp_of_containers();
    }

    /// Says whether there was any.
    fn drop_bad_seccomp_of_containers(&mut self) -> bool {
        let mut found = false;
        for (at, container) in containers(self.subject.spec) {
            let profile = container.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
            if profile.is_some_and(|profile| !facts::confines(profile)) {
                found = true;
                self.draft.container(at, &container.name, &["securityContext", "seccompProfile"], Value::Null);
            }
        }
        found
    }

    fn seccomp_restricted(&mut self) {
        let spec = self.subject.spec;
        let of_pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
        let dropped = self.drop_bad_seccomp_of_containers();
        let some_silent = containers(spec).any(|(_, container)| {
            container.security_context.as_ref().is_none_or(|context| context.seccomp_profile.is_none())
        });
        let pod_is_bad = of_pod.is_some_and(|profile| !facts::confines(profile));
        if pod_is_bad || (of_pod.is_none() && (dropped || some_silent)) {
            let mut profile = json!({"type": "RuntimeDefault"});
            if of_pod.is_some_and(|profile| profile.localhost_profile.is_some()) {
                profile["localhostProfile"] = Value::Null;
            }
            self.draft.pod(&["securityContext", "seccompProfile"], profile);
            self.effects.push("system calls that the runtime's seccomp profile forbids fail".to_owned());
        }
    }

    fn sysctls(&mut self) {
        let sysctls = self.subject.spec.security_context.as_ref().map_or(&[][..], |context| &context.sysctls);
        let (kept, lost): (Vec<_>, Vec<_>) =
            sysctls.iter().partition(|sysctl| facts::is_allowed_sysctl(&sysctl.name, self.version));
        let kept: Vec<Value> = kept.iter().map(|sysctl| json!({"name": sysctl.name, "value": sysctl.value})).collect();
        let value = if kept.is_empty() { Value::Null } else { kept.into() };
        self.draft.pod(&["securityContext", "sysctls"], value);
        let lost: Vec<&str> = lost.iter().map(|sysctl| sysctl.name.as_str()).collect();
        self.effects.push(format!("the kernel keeps its own {}", lost.join(", ")));
    }

    fn host_process(&mut self) {
        let spec = self.subject.spec;
        let of_pod = spec.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
        if of_pod.is_some_and(|options| options.host_process == Some(true)) {
            self.draft.pod(&["securityContext", "windowsOptions", "hostProcess"], Value::Null);
        }
        for (at, container) in containers(spec) {
            let options = container.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
            if options.is_some_and(|options| options.host_process == Some(true)) {
                let path = ["securityContext", "windowsOptions", "hostProcess"];
                self.draft.container(at, &container.name, &path, Value::Null);
            }
        }
        self.effects.push("the containers are no longer processes of their node".to_owned());
    }

    fn privilege_escalation(&mut self) {
        for (at, container) in containers(self.subject.spec) {
            let allows = container.security_context.as_ref().and_then(|context| context.allow_privilege_escalation);
            if allows != Some(false) {
                let path = ["securityContext", "allowPrivilegeEscalation"];
                self.draft.container(at, &container.name, &path, json!(false));
            }
        }
    }

    fn run_as_non_root(&mut self) {
        let spec = self.subject.spec;
        let of_pod = spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
        let of = |container: &Container| container.security_context.as_ref().and_then(|it| it.run_as_non_root);
        let some_silent = containers(spec).any(|(_, container)| of(container).is_none());
        if of_pod == Some(false) || (of_pod.is_none() && some_silent) {
            self.draft.pod(&["securityContext", "runAsNonRoot"], json!(true));
        }
        for (at, container) in containers(spec) {
            if of(container) == Some(false) {
                self.draft.container(at, &container.name, &["securityContext", "runAsNonRoot"], json!(true));
            }
        }
    }

    fn run_as_user(&mut self) {
        let spec = self.subject.spec;
        let value = || self.answers.run_as_user.map_or(Value::Null, Value::from);
        let asks_for_root = |user: Option<i64>| user == Some(0);
        if asks_for_root(spec.security_context.as_ref().and_then(|context| context.run_as_user)) {
            let value = value();
            self.draft.pod(&["securityContext", "runAsUser"], value);
        }
        for (at, container) in containers(spec) {
            if asks_for_root(container.security_context.as_ref().and_then(|context| context.run_as_user)) {
                let value = value();
                self.draft.container(at, &container.name, &["securityContext", "runAsUser"], value);
            }
        }
    }

    /// Who containers run as that are made to be no root by this patch. Which user an image has, its registry knows.
    fn users(&mut self, level: Level) {
        let spec = self.subject.spec;
        let violated = |id: &str| {
            active(level, self.version)
                .filter(|check| check.id == id)
                .any(|check| check.at(self.version).is_some_and(|at| (at.judge)(self.subject).is_some()))
        };
        let (is_made_non_root, asks_for_root) = (violated("runAsNonRoot"), violated("runAsUser"));
        if !is_made_non_root && !asks_for_root {
            return;
        }
        let of_pod = spec.security_context.as_ref().and_then(|context| context.run_as_user);
        let user = |container: &Container| container.security_context.as_ref().and_then(|it| it.run_as_user);
        let unknown: Vec<&str> = containers(spec)
            .filter(|(_, container)| user(container).or(of_pod).is_none_or(|user| user == 0))
            .map(|(_, container)| container.name.as_str())
            .collect();
        if unknown.is_empty() {
            return;
        }
        match self.answers.run_as_user {
            Some(uid) => {
                // At the pod, where it does not touch containers that have a user of their own.
                if of_pod.is_none() && containers(spec).any(|(_, container)| user(container).is_none()) {
                    self.draft.pod(&["securityContext", "runAsUser"], uid.into());
                }
            }
            None => {
                let root = if asks_for_root { " (it asks for root today)" } else { "" };
                self.decisions.push(Decision {
                    question: format!(
                        "which user do the containers {} run as{root}? If the image's user is root or has no number, \
                         the kubelet will not start them",
                        unknown.join(", ")
                    ),
                    answer_by: Some("--run-as-user UID, where the image's own user is none".to_owned()),
                    blocks: false,
                });
            }
        }
    }
}
