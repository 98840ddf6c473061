//! What the public fixtures do not cover.

use patchkit::rules::{Labels, PodSpec};
use serde_json::{Value, json};

use super::{CHECKS, Level, PolicyVersion, Subject, Violation, evaluate, highest_level};

/// What is found in a pod of one container, with these fields beside it.
fn violations(pod: Value, annotations: &[(&str, &str)], level: Level, minor: u32) -> Vec<Violation> {
    let spec: PodSpec = serde_json::from_value(pod).unwrap();
    let annotations: Labels = annotations.iter().copied().collect();
    evaluate(Subject { annotations: &annotations, spec: &spec }, level, PolicyVersion::new(minor))
}

fn checks(pod: Value, level: Level, minor: u32) -> Vec<String> {
    violations(pod, &[], level, minor).into_iter().map(|violation| violation.check.into_owned()).collect()
}

/// A container that restricted allows at every version, with these fields added to its security context.
fn container(name: &str, more: Value) -> Value {
    let mut context = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
                             "seccompProfile": {"type": "RuntimeDefault"}});
    context.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": name, "image": "a", "securityContext": context})
}

const NONE: [&str; 0] = [];

#[test]
fn ephemeral_and_init_containers_count_as_all_others() {
    for field in ["initContainers", "ephemeralContainers"] {
        for (more, check) in [
            (json!({"privileged": true}), "privileged"),
            (json!({"allowPrivilegeEscalation": null}), "allowPrivilegeEscalation"),
            (json!({"capabilities": {"drop": ["all"]}}), "capabilities_restricted"),
            (json!({"runAsNonRoot": false}), "runAsNonRoot"),
            (json!({"runAsUser": 0}), "runAsUser"),
            (json!({"seccompProfile": {"type": "Unconfined"}}), "seccompProfile_restricted"),
            (json!({"procMount": "Unmasked"}), "procMount_restricted"),
            (json!({"appArmorProfile": {"type": "Unconfined"}}), "appArmorProfile"),
            (json!({"seLinuxOptions": {"user": "u"}}), "seLinuxOptions"),
            (json!({"windowsOptions": {"hostProcess": true}}), "windowsHostProcess"),
        ] {
            let mut pod = json!({"containers": [container("a", json!({}))]});
            pod[field] = json!([container("b", more.clone())]);
            assert_eq!(checks(pod, Level::Restricted, 37), [check], "{field} {more}");
        }
    }
}

#[test]
fn the_words_of_the_pod_do_not_excuse_a_container_nor_the_other_way_round() {
    let pod = |context: Value, more: Value| json!({"securityContext": context, "containers": [container("a", more)]});
    for (context, more, check) in [
        // Against it at the pod fails, even where every container says otherwise.
        (json!({"runAsNonRoot": false}), json!({}), "runAsNonRoot"),
        (json!({"seccompProfile": {"type": "Unconfined"}}), json!({}), "seccompProfile_restricted"),
        (
            json!({"seccompProfile": {"type": "RuntimeDefault"}}),
            json!({"seccompProfile": {"type": "Unconfined"}}),
            "seccompProfile_restricted",
        ),
        (json!({"runAsNonRoot": true}), json!({"runAsNonRoot": false}), "runAsNonRoot"),
        (json!({"runAsUser": 0}), json!({"runAsUser": 1000}), "runAsUser"),
    ] {
        assert_eq!(checks(pod(context.clone(), more), Level::Restricted, 37), [check], "{context}");
    }
    let inherited = json!({"runAsNonRoot": true, "seccompProfile": {"type": "Localhost", "localhostProfile": "a"}});
    let silent = json!({"runAsNonRoot": null, "seccompProfile": null});
    assert_eq!(checks(pod(inherited, silent), Level::Restricted, 37), NONE);
}

#[test]
fn user_namespaces_relax_three_checks_from_1_35_on() {
    let context = json!({"runAsNonRoot": null, "runAsUser": 0, "procMount": "Unmasked"});
    let pod = json!({"hostUsers": false, "containers": [container("a", context)]});
    assert_eq!(checks(pod.clone(), Level::Baseline, 34), ["procMount"]);
    assert_eq!(checks(pod.clone(), Level::Restricted, 34), ["procMount", "runAsNonRoot", "runAsUser"]);
    assert_eq!(checks(pod.clone(), Level::Baseline, 35), NONE);
    assert_eq!(checks(pod.clone(), Level::Restricted, 35), ["procMount_restricted"]);
    let mut host = pod;
    host["hostUsers"] = json!(true);
    assert_eq!(checks(host.clone(), Level::Restricted, 37), ["procMount_restricted", "runAsNonRoot", "runAsUser"]);
    assert_eq!(checks(host, Level::Baseline, 37), ["procMount"]);
}

#[test]
fn windows_is_exempt_from_what_it_does_not_have_from_1_25_on() {
    let pod = json!({"os": {"name": "windows"}, "containers": [{"name": "a", "image": "a"}]});
    assert_eq!(
        checks(pod.clone(), Level::Restricted, 24),
        ["allowPrivilegeEscalation", "capabilities_restricted", "runAsNonRoot", "seccompProfile_restricted"]
    );
    assert_eq!(checks(pod, Level::Restricted, 25), ["runAsNonRoot"]);
    let linux = json!({"os": {"name": "linux"}, "containers": [{"name": "a", "image": "a"}]});
    assert_eq!(checks(linux, Level::Restricted, 25).len(), 4);
}

#[test]
fn sysctls_are_allowed_from_their_version_on() {
    for (name, since) in [
        ("net.ipv4.ip_unprivileged_port_start", 0),
        ("net.ipv4.ip_local_reserved_ports", 27),
        ("net.ipv4.tcp_fin_timeout", 29),
        ("net.ipv4.tcp_rmem", 32),
        ("net.ipv4.tcp_notsent_lowat", 37),
    ] {
        let pod = json!({"securityContext": {"sysctls": [{"name": name, "value": "1"}]}});
        for minor in 0..=38 {
            let expected: &[&str] = if minor < since { &["sysctls"] } else { &[] };
            assert_eq!(checks(pod.clone(), Level::Baseline, minor), expected, "{name} at 1.{minor}");
        }
    }
    let slashes = json!({"securityContext": {"sysctls": [{"name": "net/ipv4/tcp_syncookies", "value": "1"}]}});
    assert_eq!(checks(slashes, Level::Baseline, 37), ["sysctls"], "the API server compares the names as they stand");
}

#[test]
fn selinux_knows_container_engines_from_1_31_on() {
    let pod = json!({"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}});
    assert_eq!(checks(pod.clone(), Level::Baseline, 30), ["seLinuxOptions"]);
    assert_eq!(checks(pod, Level::Baseline, 31), NONE);
    let level_only = json!({"securityContext": {"seLinuxOptions": {"level": "s0", "user": "", "role": ""}}});
    assert_eq!(checks(level_only, Level::Baseline, 37), NONE);
}

#[test]
fn hosts_in_probes_count_from_1_34_on() {
    for handler in [
        json!({"livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 1}}}),
        json!({"readinessProbe": {"tcpSocket": {"host": "10.0.0.1", "port": 1}}}),
        json!({"startupProbe": {"tcpSocket": {"host": "localhost", "port": 1}}}),
        json!({"lifecycle": {"postStart": {"httpGet": {"host": "127.0.0.1", "port": 1}}}}),
        json!({"lifecycle": {"preStop": {"tcpSocket": {"host": "h", "port": 1}}}}),
    ] {
        let mut one = container("a", json!({}));
        one.as_object_mut().unwrap().extend(handler.as_object().unwrap().clone());
        for (field, other) in [("containers", "initContainers"), ("initContainers", "containers")] {
            let pod = json!({field: [one], other: [container("b", json!({}))]});
            assert_eq!(checks(pod.clone(), Level::Baseline, 33), NONE);
            assert_eq!(checks(pod.clone(), Level::Baseline, 34), ["hostProbesAndHostLifecycle"]);
            assert_eq!(checks(pod, Level::Restricted, 37), ["hostProbesAndHostLifecycle"]);
        }
    }
    let empty = json!({"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "", "port": 1}}}]});
    assert_eq!(checks(empty, Level::Baseline, 37), NONE);
}

#[test]
fn below_1_19_seccomp_is_an_annotation() {
    let pod = || json!({"containers": [{"name": "a", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}]});
    for (key, value, minor, expected) in [
        ("seccomp.security.alpha.kubernetes.io/pod", "unconfined", 18, 1),
        ("seccomp.security.alpha.kubernetes.io/pod", "", 18, 1),
        ("seccomp.security.alpha.kubernetes.io/pod", "docker/default", 18, 0),
        ("seccomp.security.alpha.kubernetes.io/pod", "localhost/x", 18, 0),
        ("container.seccomp.security.alpha.kubernetes.io/a", "unconfined", 0, 1),
        ("container.seccomp.security.alpha.kubernetes.io/other", "unconfined", 18, 0),
    ] {
        let found = violations(pod(), &[(key, value)], Level::Baseline, minor);
        assert_eq!(found.len(), expected, "{key}={value}: {found:?}");
    }
    let good = json!({"containers": [{"name": "a"}]});
    let annotated = [("seccomp.security.alpha.kubernetes.io/pod", "unconfined")];
    assert_eq!(violations(good, &annotated, Level::Baseline, 19), []);
    assert_eq!(checks(pod(), Level::Baseline, 19), ["seccompProfile_baseline"]);
}

#[test]
fn apparmor_annotations_count_at_every_version() {
    let pod = json!({"containers": [{"name": "a"}]});
    let key = "container.apparmor.security.beta.kubernetes.io/a";
    for minor in [0, 30, 37] {
        for (value, expected) in
            [("unconfined", 1), ("runtime/default", 0), ("localhost/x", 0), ("", 0), ("localhost", 1)]
        {
            let found = violations(pod.clone(), &[(key, value)], Level::Baseline, minor);
            assert_eq!(found.len(), expected, "{value} at 1.{minor}");
        }
    }
}

#[test]
fn in_the_nodes_network_every_port_is_one_of_the_node() {
    let ports = json!([{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]);
    let pod = |host_network: bool| json!({"hostNetwork": host_network, "containers": [{"name": "a", "ports": ports}]});
    let found = violations(pod(true), &[], Level::Baseline, 37);
    let found: Vec<(&str, &str)> = found.iter().map(|it| (&*it.check, it.message.as_str())).collect();
    assert_eq!(
        found,
        [
            ("hostNamespaces", "pod must not set hostNetwork to true"),
            ("hostPorts", "container \"a\" must not take ports of the node: 80, 8081")
        ]
    );
    assert_eq!(
        violations(pod(false), &[], Level::Baseline, 37)[0].message,
        "container \"a\" must not take ports of the node: 8081"
    );
}

#[test]
fn volumes_are_told_by_their_type() {
    let pod = |volume: Value| json!({"volumes": [volume], "containers": [container("a", json!({}))]});
    for (volume, expected) in [
        (json!({"name": "v", "image": {"reference": "r"}}), &[][..]),
        (json!({"name": "v", "ephemeral": {}}), &[]),
        (json!({"name": "v"}), &[]),
        (json!({"name": "v", "emptyDir": null, "csi": {"driver": "d"}}), &[]),
        (json!({"name": "v", "hostPath": {"path": "/"}}), &["restrictedVolumes"]),
        (json!({"name": "v", "portworxVolume": {}}), &["restrictedVolumes"]),
        (json!({"name": "v", "ofTheFuture": {}}), &["restrictedVolumes"]),
        (json!({"name": "v", "hostPath": {"path": "/"}, "emptyDir": {}}), &["restrictedVolumes"]),
    ] {
        assert_eq!(checks(pod(volume.clone()), Level::Restricted, 37), expected, "{volume}");
    }
    assert_eq!(checks(pod(json!({"name": "v", "hostPath": {"path": "/"}})), Level::Baseline, 37), ["hostPathVolumes"]);
    assert_eq!(checks(pod(json!({"name": "v", "nfs": {}})), Level::Baseline, 37), NONE);
}

#[test]
fn an_empty_pod_violates_nothing_that_it_does_not_set() {
    for minor in 0..=37 {
        assert_eq!(checks(json!({}), Level::Restricted, minor), NONE);
    }
}

#[test]
fn the_strictest_level_that_allows_a_pod_is_found() {
    let of = |pod: Value| {
        let spec: PodSpec = serde_json::from_value(pod).unwrap();
        highest_level(Subject { annotations: &Labels::default(), spec: &spec }, PolicyVersion::NEWEST)
    };
    assert_eq!(of(json!({"containers": [container("a", json!({}))]})), Level::Restricted);
    assert_eq!(of(json!({"containers": [{"name": "a"}]})), Level::Baseline);
    assert_eq!(of(json!({"hostPID": true})), Level::Privileged);
}

#[test]
fn messages_name_the_containers_and_the_values() {
    let bad = json!({"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}});
    let pod = json!({"initContainers": [container("b", bad)], "containers": [container("a", json!({}))]});
    let found = violations(pod, &[], Level::Restricted, 37);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "container \"b\" must drop \"ALL\" in securityContext.capabilities; container \"b\" must not add \"CHOWN\", \
         \"SYS_ADMIN\" in securityContext.capabilities"
    );
    assert_eq!(CHECKS.len(), 19);
}
