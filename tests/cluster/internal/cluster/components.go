package cluster

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"patchkit.test/cluster/stages"
)

// Names of the components, as the commands take them.
const (
	Etcd              = "etcd"
	APIServer         = "apiserver"
	ControllerManager = "controller-manager"
	Scheduler         = "scheduler"
	Kwok              = "kwok"
)

// ComponentNames are all components, in the order in which they are started.
var ComponentNames = []string{Etcd, APIServer, ControllerManager, Scheduler, Kwok}

// component is one process of the cluster: what to run.
type component struct {
	name    string
	program string
	args    []string
	log     string
}

func has(o *Options, name string) bool { return name != Kwok || o.Kwok }

// components tells the command lines. The flags are the fewest with which the
// real programs run without TLS between etcd and the API server, without a
// leader election, and without a network of nodes.
func components(s *State, o *Options) []component {
	pki := func(name string) string { return path(s.Dir, "pki", name) }
	etcdURL := s.Etcd
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", s.Ports.EtcdPeer)
	verbosity := fmt.Sprintf("--v=%d", o.Verbosity)

	etcd := []string{
		"etcd",
		"--name=default",
		"--data-dir=" + path(s.Dir, "etcd"),
		"--listen-client-urls=" + etcdURL,
		"--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
		// Safe against kill -9 of the process; only a crash of the machine
		// could lose data.
		"--unsafe-no-fsync",
		"--log-level=warn",
		"--quota-backend-bytes=8589934592",
	}

	apiserver := []string{
		"kube-apiserver",
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", s.Ports.API),
		// It may not advertise the loopback address in the endpoints of the
		// Service "kubernetes"; this one is reserved for documentation (RFC
		// 5737) and leads nowhere.
		"--advertise-address=192.0.2.1",
		"--cert-dir=" + pki(""),
		"--tls-cert-file=" + pki("apiserver.crt"),
		"--tls-private-key-file=" + pki("apiserver.key"),
		"--client-ca-file=" + pki("ca.crt"),
		"--token-auth-file=" + path(s.Dir, "tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + pki("service-account.pub"),
		"--service-account-signing-key-file=" + pki("service-account.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--profiling=false",
		verbosity,
	}
	if !o.PriorityAndFairness {
		apiserver = append(apiserver, "--enable-priority-and-fairness=false",
			"--max-requests-inflight=0", "--max-mutating-requests-inflight=0")
	}
	if o.RuntimeConfig != "" {
		apiserver = append(apiserver, "--runtime-config="+o.RuntimeConfig)
	}
	if o.Audit {
		apiserver = append(apiserver, "--audit-policy-file="+path(s.Dir, "audit-policy.yaml"),
			"--audit-log-path="+path(s.LogDir, "audit.log"))
	}

	client := []string{
		"--kubeconfig=" + s.Kubeconfig,
		"--authentication-kubeconfig=" + s.Kubeconfig,
		"--authorization-kubeconfig=" + s.Kubeconfig,
		"--leader-elect=false",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--secure-port=0",
		"--profiling=false",
		verbosity,
	}
	controllers := append([]string{
		"kube-controller-manager",
		// Nodes have no addresses of pods to hand out; kwok takes them from one
		// range.
		"--controllers=*,-nodeipam",
		"--root-ca-file=" + pki("ca.crt"),
		"--service-account-private-key-file=" + pki("service-account.key"),
		"--cluster-signing-cert-file=" + pki("ca.crt"),
		"--cluster-signing-key-file=" + pki("ca.key"),
		fmt.Sprintf("--node-monitor-grace-period=%s", o.NodeGrace),
		fmt.Sprintf("--node-monitor-period=%s", min(5*time.Second, o.NodeGrace/4)),
	}, client...)
	scheduler := append([]string{"kube-scheduler"}, client...)

	if o.EmulatedVersion != "" {
		flag := "--emulated-version=" + o.EmulatedVersion
		apiserver = append(apiserver, flag)
		controllers = append(controllers, flag)
		scheduler = append(scheduler, flag)
	}
	if o.FeatureGates != "" {
		flag := "--feature-gates=" + o.FeatureGates
		apiserver = append(apiserver, flag)
		controllers = append(controllers, flag)
		scheduler = append(scheduler, flag)
	}

	kwok := []string{
		"--kubeconfig=" + s.Kubeconfig,
		// All nodes have a simulated kubelet but those whose label says that
		// it has stopped: kwok then lets go of the node (no heartbeats) and of
		// its pods, just like a machine that is dead.
		"--manage-nodes-with-label-selector=" + corev1.LabelHostname + "," + stages.Prefix + "kubelet!=stopped",
		// Leases are renewed each quarter of that. The node controller must
		// miss more than one renewal before it calls a node unknown.
		fmt.Sprintf("--node-lease-duration-seconds=%d", max(4, int(o.NodeGrace.Seconds()*4/5))),
		"--cidr=" + podRange(s.KwokStarts),
		"--node-ip=10.64.0.1",
	}
	for _, name := range stages.Names() {
		kwok = append(kwok, "--config="+path(s.Dir, "stages", name))
	}

	all := []component{
		{name: Etcd, program: "controlplane", args: etcd},
		{name: APIServer, program: "controlplane", args: apiserver},
		{name: ControllerManager, program: "controlplane", args: controllers},
		{name: Scheduler, program: "controlplane", args: scheduler},
	}
	if o.Kwok {
		all = append(all, component{name: Kwok, program: "kwok", args: kwok})
	}
	for i := range all {
		c := &all[i]
		c.program = filepath.Join(o.BinDir, c.program)
		c.args = append(c.args, o.ExtraFlags[c.name]...)
		c.log = path(s.LogDir, c.name+".log")
	}
	return all
}

// podRange is the range of addresses that the nth kwok gives to pods. It counts
// them from the first one and does not know which are taken already, so each
// start takes the next 65,536 of 10.128.0.0/9.
func podRange(n int) string { return fmt.Sprintf("10.%d.0.0/16", 128+n%128) }

// checkName turns a name of a component that was typed into ours; the names of
// the real programs are known too.
func checkName(name string) (string, error) {
	name = strings.TrimPrefix(name, "kube-")
	for _, n := range ComponentNames {
		if n == name {
			return n, nil
		}
	}
	return "", fmt.Errorf("there is no component %q: name one of %s", name, strings.Join(ComponentNames, ", "))
}
