//! The Pod Security Standards, held against the API server's own admission: every pod is created in a server-side dry
//! run in a namespace that enforces a level at a version, and what the server says of it must be what
//! `kubectl secpatch pods` says of its manifest, check by check.
//!
//! `ADMISSION_PODS` is how many pods are generated (300), `ADMISSION_SEED` from which seed (1); `benches/admission.sh`
//! takes thousands.

#![allow(clippy::print_stdout, reason = "the counts of what was compared")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use patchkit::cluster::{self, ClusterError, ErrorKind, Writer, connect};
use patchkit_test_support::Cluster;
use serde_json::{Map, Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::tools::{Told, nothing, with_kubeconfig};

/// The minors whose policy versions differ from the one before, and the newest.
const MINORS: &[u32] = &[0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 27, 29, 31, 32, 33, 34, 35, 36, 37];
/// How many requests are under way at once.
const PARALLEL: usize = 16;

const LEVELS: [&str; 2] = ["baseline", "restricted"];

fn namespace_of(level: &str, minor: u32) -> String {
    format!("admission-{level}-{minor}")
}

/// The check behind each reason that the API server gives, as far as its words tell.
fn reason_of(check: &str) -> &'static str {
    match check {
        "allowPrivilegeEscalation" => "allowPrivilegeEscalation != false",
        "appArmorProfile" => "forbidden AppArmor profile",
        "capabilities_baseline" => "non-default capabilities",
        "capabilities_restricted" => "unrestricted capabilities",
        "hostNamespaces" => "host namespaces",
        "hostPathVolumes" => "hostPath volumes",
        "hostPorts" => "hostPort",
        "hostProbesAndHostLifecycle" => "probe or lifecycle host",
        "privileged" => "privileged",
        "procMount" | "procMount_restricted" => "procMount",
        "restrictedVolumes" => "restricted volume types",
        "runAsNonRoot" => "runAsNonRoot != true",
        "runAsUser" => "runAsUser=0",
        "seLinuxOptions" => "seLinuxOptions",
        "seccompProfile_baseline" | "seccompProfile_restricted" => "seccompProfile",
        "sysctls" => "forbidden sysctls",
        "windowsHostProcess" => "hostProcess",
        other => panic!("no reason is known for {other}"),
    }
}

/// What the server said of a pod: its reasons with their details, in its order; none where it lets the pod in.
type Said = Vec<(String, String)>;

/// `reason (detail), reason (detail)`
fn read_reasons(text: &str) -> Said {
    let mut said = Vec::new();
    let (mut reason, mut detail, mut depth) = (String::new(), String::new(), 0);
    for letter in text.chars().chain([',']) {
        match letter {
            '(' => {
                depth += 1;
                if depth > 1 {
                    detail.push(letter);
                }
            }
            ')' => {
                depth -= 1;
                if depth > 0 {
                    detail.push(letter);
                }
            }
            ',' if depth == 0 => {
                said.push((reason.trim().to_owned(), std::mem::take(&mut detail)));
                reason.clear();
            }
            _ if depth > 0 => detail.push(letter),
            _ => reason.push(letter),
        }
    }
    said
}

/// The texts in quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// What `kubectl secpatch pods` says of one pod: each check that it violates, with its message.
type Judged = Vec<(String, String)>;

/// What it says of these pods, by their names.
fn judge(cluster: &Cluster, pods: &[&Value], level: &str, minor: u32) -> BTreeMap<String, Judged> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
    let version = format!("v1.{minor}");
    let flags =
        ["pods", "-f", "-", "--level", level, "--policy-version", &version, "--standards-only", "--fail-on", "none"];
    let report = cluster.plugin("secpatch").args(flags).args(["-o", "json"]).input(list).output().exits(0).report();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |pod: &Value| {
        let violations = pod["violations"].as_array().unwrap();
        let judged: Judged = violations.iter().map(|it| (text(&it["check"]), text(&it["message"]))).collect();
        assert_eq!(pod["allowed"], judged.is_empty());
        (text(&pod["object"]["name"]), judged)
    };
    report["pods"].as_array().unwrap().iter().map(one).collect()
}

/// Why both do not say the same; `None` where they do.
fn difference(said: &Said, judged: &Judged) -> Option<String> {
    let plural = |reason: &'_ str| reason == "forbidden AppArmor profiles";
    let reasons: Vec<&str> =
        said.iter().map(|(reason, _)| if plural(reason) { "forbidden AppArmor profile" } else { reason }).collect();
    let own: Vec<&str> = judged.iter().map(|(check, _)| reason_of(check)).collect();
    if reasons != own {
        return Some(format!("the server: {reasons:?}; own: {own:?}"));
    }
    // The same containers, volumes and values too. Annotations and fields of AppArmor are kept in step by the server.
    said.iter().zip(judged).filter(|(_, (check, _))| check != "appArmorProfile").find_map(
        |((_, detail), (_, message))| {
            let differs = quoted(detail) != quoted(message);
            differs.then(|| format!("the server: {detail}; own: {message}"))
        },
    )
}

/// A pod with the level and version that it is held against.
struct Case {
    /// What it is known by in messages; the pod's own name is unique.
    name: String,
    pod: Value,
    level: &'static str,
    minor: u32,
}

/// How many were compared, and how many the server did not get so far with, since they are not valid to it.
#[derive(Default)]
struct Counts {
    allowed: usize,
    refused: usize,
    invalid: usize,
}

fn compare(cluster: &Cluster, cases: Vec<Case>) -> Counts {
    let mut judged = BTreeMap::new();
    for level in LEVELS {
        for minor in MINORS {
            let of = cases.iter().filter(|case| case.level == level && case.minor == *minor).map(|case| &case.pod);
            let pods: Vec<&Value> = of.collect();
            if !pods.is_empty() {
                judged.extend(judge(cluster, &pods, level, *minor));
            }
        }
    }
    assert_eq!(judged.len(), cases.len(), "every pod is judged");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client =
            connect(&with_kubeconfig(cluster.kubeconfig()), &nothing(), Told::default().settings()).await.unwrap();
        let slots = Arc::new(Semaphore::new(PARALLEL));
        let mut running = JoinSet::new();
        for case in cases {
            let (client, slots) = (client.clone(), slots.clone());
            running.spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                let said = ask(&client, &case).await;
                (case, said)
            });
        }
        let mut counts = Counts::default();
        let mut wrong = Vec::new();
        while let Some(done) = running.join_next().await {
            let (case, said) = done.unwrap();
            let Some(said) = said else {
                counts.invalid += 1;
                continue;
            };
            *if said.is_empty() { &mut counts.allowed } else { &mut counts.refused } += 1;
            if let Some(difference) = difference(&said, &judged[case.pod["metadata"]["name"].as_str().unwrap()]) {
                wrong.push(format!("{} at {} v1.{}: {difference}\n{}", case.name, case.level, case.minor, case.pod));
            }
        }
        assert!(wrong.is_empty(), "{} differ; the first:\n{}", wrong.len(), wrong[0]);
        counts
    })
}

/// What the server says of a pod; `None` where it is not valid to it, whatever its security.
async fn ask(client: &cluster::Cluster, case: &Case) -> Option<Said> {
    let path = format!("/api/v1/namespaces/{}/pods", namespace_of(case.level, case.minor));
    let writer = Writer { field_manager: "test", dry_run: true };
    match client.create(&path, &case.pod, writer).await {
        Ok(_) => Some(Vec::new()),
        Err(ClusterError::Answer(answer)) if answer.message.contains("violates PodSecurity") => {
            let (_, reasons) = answer.message.split_once("violates PodSecurity ").unwrap();
            let (_, reasons) = reasons.split_once("\": ").unwrap();
            Some(read_reasons(reasons))
        }
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::BadRequest) => None,
        Err(error) => panic!("{}: {error}\n{}", case.name, case.pod),
    }
}

/// A namespace for each level and version, with the service account that every pod needs. The tests share them, and
/// begin at the same time: two that create the same object would meet.
fn namespaces(cluster: &Cluster) {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| make_namespaces(cluster));
}

fn make_namespaces(cluster: &Cluster) {
    let mut items = Vec::new();
    for level in LEVELS {
        for minor in MINORS {
            let name = namespace_of(level, *minor);
            items.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
                "pod-security.kubernetes.io/enforce": level,
                "pod-security.kubernetes.io/enforce-version": format!("v1.{minor}"),
            }}}));
            items.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}));
        }
    }
    // The controllers make the same service accounts at the same time, which the server itself brings together.
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let _ = cluster.kubectl(&["apply", "--server-side", "-f", "-"]).input(list).output().exits(0);
}

pub fn admission_says_the_same_of_generated_pods() {
    let number = |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (count, seed) = (number("ADMISSION_PODS", 300), number("ADMISSION_SEED", 1));
    let cluster = Cluster::shared();
    namespaces(&cluster);
    let mut random = Random(seed);
    let cases = (0..count)
        .map(|at| {
            let pod = random.pod(at);
            let level = random.pick(&LEVELS);
            Case { name: format!("pod {at} of seed {seed}"), pod, level, minor: random.pick(MINORS) }
        })
        .collect();
    let counts = compare(&cluster, cases);
    println!(
        "{count} pods of seed {seed}: the server allows {}, refuses {}, and calls {} invalid; all as judged",
        counts.allowed, counts.refused, counts.invalid
    );
    assert!(counts.allowed * 20 > count as usize && counts.refused * 4 > count as usize, "the pods are too alike");
}

pub fn admission_says_the_same_of_every_fixture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let folder = shared.join("oracles/pod-security");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let cluster = Cluster::shared();
    namespaces(&cluster);
    let mut cases = Vec::new();
    for level in LEVELS {
        for outcome in ["pass", "fail"] {
            for entry in fs::read_dir(folder.join(format!("{level}/v1.34/{outcome}"))).unwrap() {
                let path = entry.unwrap().path();
                let mut pod: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                // At their own version, and at the newest.
                for minor in [34, 37] {
                    pod["metadata"]["name"] = format!("p{}", cases.len()).into();
                    cases.push(Case { name: path.display().to_string(), pod: pod.clone(), level, minor });
                }
            }
        }
    }
    let all = cases.len();
    let counts = compare(&cluster, cases);
    println!(
        "{all} fixtures at v1.34 and v1.37: the server allows {}, refuses {}, and calls {} invalid; all as judged",
        counts.allowed, counts.refused, counts.invalid
    );
    assert!(counts.invalid * 5 < all, "too many are not valid to this server");
}

/// Numbers from a seed (SplitMix64), the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.next() % from.len() as u64;
        from[usize::try_from(at).unwrap()].clone()
    }

    /// A pod of which some violate nothing, most one thing or two, and some nearly everything.
    fn pod(&mut self, at: u64) -> Value {
        // One in so many fields is set to something that may be forbidden.
        let rarity = self.pick(&[2, 6, 20, 60, 200]);
        let is_windows = self.one_in(12);
        let hardened = !self.one_in(4);
        let mut annotations = Map::new();
        let mut spec = Map::new();
        let mut volumes = Vec::new();
        for (field, value) in [
            ("hostNetwork", json!(true)),
            ("hostPID", json!(true)),
            ("hostIPC", json!(true)),
            ("hostUsers", json!(self.one_in(2))),
        ] {
            if self.one_in(rarity * 2) && !(is_windows && field != "hostNetwork") {
                spec.insert(field.to_owned(), value);
            }
        }
        for index in 0..self.next() % 3 {
            let source = if self.one_in(rarity) {
                self.pick(&[
                    json!({"hostPath": {"path": "/x"}}),
                    json!({"nfs": {"server": "s", "path": "/"}}),
                    json!({"gitRepo": {"repository": "r"}}),
                    json!({"iscsi": {"targetPortal": "1.2.3.4:3260", "iqn": "iqn.2001-04.com.example:x", "lun": 0}}),
                    json!({"rbd": {"monitors": ["m"], "image": "i"}}),
                    json!({"flexVolume": {"driver": "a/b"}}),
                ])
            } else {
                self.pick(&[
                    json!({"emptyDir": {}}),
                    json!({"configMap": {"name": "c"}}),
                    json!({"secret": {"secretName": "s"}}),
                    json!({}),
                    json!({"downwardAPI": {}}),
                    json!({"persistentVolumeClaim": {"claimName": "c"}}),
                    json!({"csi": {"driver": "d"}}),
                    json!({"image": {"reference": "r"}}),
                    json!({"projected": {"sources": []}}),
                ])
            };
            let mut volume = source;
            volume["name"] = format!("v{index}").into();
            volumes.push(volume);
        }
        if !volumes.is_empty() {
            spec.insert("volumes".to_owned(), volumes.into());
        }
        let mut context = self.context(rarity, hardened, is_windows, true);
        if self.one_in(rarity) && !is_windows {
            let names = [
                "kernel.shm_rmid_forced",
                "net.ipv4.ip_local_reserved_ports",
                "net.ipv4.tcp_keepalive_time",
                "kernel.msgmax",
                "net.ipv4.tcp_rmem",
                "net.ipv4.tcp_notsent_lowat",
                "net.core.somaxconn",
            ];
            context.insert("sysctls".to_owned(), json!([{"name": self.pick(&names), "value": "1"}]));
        }
        if !context.is_empty() {
            spec.insert("securityContext".to_owned(), context.into());
        }
        if is_windows {
            spec.insert("os".to_owned(), json!({"name": "windows"}));
        } else if self.one_in(4) {
            spec.insert("os".to_owned(), json!({"name": "linux"}));
        }
        for (field, most) in [("containers", 2), ("initContainers", 2)] {
            let least = u64::from(field == "containers");
            let list: Vec<Value> = (0..least + self.next() % most)
                .map(|index| self.container(&format!("{}{index}", &field[..1]), rarity, hardened, is_windows))
                .collect();
            for container in &list {
                let name = container["name"].as_str().unwrap();
                if self.one_in(rarity * 2) && !is_windows {
                    let value = self.pick(&["unconfined", "runtime/default", "localhost/x"]);
                    annotations.insert(format!("container.apparmor.security.beta.kubernetes.io/{name}"), value.into());
                }
                if self.one_in(rarity * 2) {
                    let value = self.pick(&["unconfined", "runtime/default", "docker/default", "localhost/x"]);
                    annotations.insert(format!("container.seccomp.security.alpha.kubernetes.io/{name}"), value.into());
                }
            }
            if !list.is_empty() {
                spec.insert(field.to_owned(), list.into());
            }
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{at}"), "annotations": annotations}, "spec": spec})
    }

    fn container(&mut self, name: &str, rarity: u64, hardened: bool, is_windows: bool) -> Value {
        let mut container = json!({"name": name, "image": "a:1"});
        let context = self.context(rarity, hardened, is_windows, false);
        if !context.is_empty() {
            container["securityContext"] = context.into();
        }
        if self.one_in(4) {
            container["ports"] = json!([{"containerPort": 80}]);
            if self.one_in(rarity) {
                container["ports"][0]["hostPort"] = self.pick(&[80, 8080]).into();
            }
        }
        if self.one_in(rarity) && name.starts_with('c') {
            let host = self.pick(&["", "h", "127.0.0.1"]);
            let handler = self.pick(&[
                json!({"httpGet": {"port": 80, "host": host}}),
                json!({"tcpSocket": {"port": 80, "host": host}}),
            ]);
            match self.pick(&["livenessProbe", "readinessProbe", "startupProbe", "preStop"]) {
                "preStop" => container["lifecycle"] = json!({"preStop": {"httpGet": {"port": 80, "host": host}}}),
                probe => container[probe] = handler,
            }
        }
        container
    }

    /// A security context of the pod or of a container.
    fn context(&mut self, rarity: u64, hardened: bool, is_windows: bool, is_pod: bool) -> Map<String, Value> {
        let mut context = Map::new();
        if hardened {
            if self.one_in(2) || is_pod {
                context.insert("runAsNonRoot".to_owned(), true.into());
            }
            if !is_windows {
                if is_pod || self.one_in(3) {
                    context.insert("seccompProfile".to_owned(), json!({"type": "RuntimeDefault"}));
                }
                if !is_pod {
                    context.insert("allowPrivilegeEscalation".to_owned(), false.into());
                    context.insert("capabilities".to_owned(), json!({"drop": ["ALL"]}));
                }
            }
        }
        let mut bad = vec![("runAsNonRoot", json!(false)), ("windowsOptions", json!({"hostProcess": true}))];
        if !is_windows {
            bad.extend([
                ("runAsUser", json!(self.pick(&[0, 1000]))),
                (
                    "seccompProfile",
                    self.pick(&[json!({"type": "Unconfined"}), json!({"type": "Localhost", "localhostProfile": "a"})]),
                ),
                ("appArmorProfile", self.pick(&[json!({"type": "Unconfined"}), json!({"type": "RuntimeDefault"})])),
                (
                    "seLinuxOptions",
                    self.pick(&[
                        json!({"type": "container_engine_t"}),
                        json!({"type": "spc_t"}),
                        json!({"user": "u", "role": "r"}),
                        json!({"level": "s0"}),
                    ]),
                ),
            ]);
            if !is_pod {
                bad.extend([
                    ("privileged", json!(true)),
                    ("allowPrivilegeEscalation", json!(self.one_in(2))),
                    (
                        "capabilities",
                        self.pick(&[
                            json!({"add": ["NET_ADMIN"]}),
                            json!({"add": ["CHOWN"], "drop": ["ALL"]}),
                            json!({"drop": ["all"]}),
                            json!({"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}),
                            json!({"drop": ["NET_RAW"]}),
                        ]),
                    ),
                    ("procMount", json!("Unmasked")),
                ]);
            }
        } else {
            bad.retain(|(field, _)| *field != "windowsOptions" || self.one_in(3));
        }
        for (field, value) in bad {
            if self.one_in(rarity * 2) && (is_windows || field != "windowsOptions") {
                context.insert(field.to_owned(), value);
            }
        }
        context
    }
}
