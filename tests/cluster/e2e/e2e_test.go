// Package e2e tests the test cluster itself, with real processes.
//
// PATCHKIT_CLUSTER_BIN names the folder into which build.sh built; without it
// the tests are skipped, since building takes minutes.
package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchkit.test/cluster/internal/cluster"
)

type env struct {
	t    *testing.T
	bin  string
	dir  string
	stop func()
}

// start runs a cluster that ends with the test, also when the test is killed:
// it holds the other end of the supervisor's standard input.
func start(t *testing.T, flags ...string) *env {
	bin := os.Getenv("PATCHKIT_CLUSTER_BIN")
	if bin == "" {
		t.Skip("PATCHKIT_CLUSTER_BIN does not name the folder of the programs: tests/cluster/build.sh OUTDIR builds them")
	}
	e := &env{t: t, bin: bin, dir: filepath.Join(t.TempDir(), "cluster")}
	cmd := exec.Command(filepath.Join(bin, "testcluster"), append([]string{"run", e.dir, "--until-stdin-closes"}, flags...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e.stop = func() { stdin.Close(); cmd.Wait() } //nolint:errcheck
	t.Cleanup(e.stop)
	e.until(3*time.Minute, "the cluster is ready", func() bool {
		s, err := cluster.ReadState(e.dir)
		return err == nil && s.Ready
	})
	return e
}

func (e *env) run(program string, args ...string) string {
	e.t.Helper()
	out, err := e.try(program, args...)
	if err != nil {
		e.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func (e *env) try(program string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(e.bin, program), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(e.dir, "kubeconfig"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (e *env) kubectl(args ...string) string { e.t.Helper(); return e.run("bin/kubectl", args...) }

func (e *env) create(yaml string) {
	e.t.Helper()
	file := filepath.Join(e.t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.kubectl("create", "-f", file)
}

func (e *env) until(patience time.Duration, what string, ok func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// untilPrinted waits until kubectl prints the words of a pod's or node's line.
func (e *env) untilPrinted(kind, name string, words ...string) {
	e.t.Helper()
	var line string
	defer func() {
		if e.t.Failed() {
			e.t.Logf("the last line was: %s", line)
		}
	}()
	e.until(30*time.Second, fmt.Sprintf("%s %s shows %q", kind, name, words), func() bool {
		line, _ = e.try("bin/kubectl", "get", kind, name, "--no-headers")
		line = strings.Join(strings.Fields(line), " ")
		for _, w := range words {
			if !strings.Contains(line, w) {
				return false
			}
		}
		return true
	})
}

func pod(name, annotations, more string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, annotations: {%s}}
spec:
  terminationGracePeriodSeconds: 3
  containers: [{name: c, image: example.com/c}]
  %s
---`, name, annotations, more)
}

func TestStages(t *testing.T) {
	e := start(t, "--node-grace=10s")
	e.create(`
apiVersion: v1
kind: Node
metadata: {name: plain}
---
apiVersion: v1
kind: Node
metadata: {name: old, labels: {zone: a}}
spec: {taints: [{key: old, effect: NoSchedule}]}
status: {nodeInfo: {kubeletVersion: v1.34.9, kernelVersion: "6.8", osImage: Ubuntu, architecture: amd64, operatingSystem: linux,
  bootID: "", containerRuntimeVersion: "containerd://1.7", kubeProxyVersion: "", machineID: "", systemUUID: ""}}
`)
	e.untilPrinted("node", "plain", " Ready ", "v1.37.2")
	e.untilPrinted("node", "old", " Ready ", "v1.34.9")

	const prefix = "test.patchkit.dev/"
	e.create(pod("now", "", "initContainers: [{name: i, image: x}, {name: sidecar, image: x, restartPolicy: Always}]") +
		pod("soon", prefix+"ready-after: 15s", "") +
		pod("never", prefix+`never-ready: "true"`, "") +
		pod("image", prefix+`image-fails: "true"`, "") +
		pod("crash", prefix+`crash-loop: 500ms`, "") +
		pod("done", prefix+`complete-after: 1s`, "restartPolicy: Never") +
		pod("failed", prefix+`fail-after: 1s, `+prefix+`exit-code: "42"`, "restartPolicy: Never") +
		pod("slow-end", prefix+"end-after: grace", "") +
		pod("end", prefix+"end-after: 1s", "") +
		pod("hangs", prefix+"end-after: never", "") + `
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec: {completions: 2, template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {a: ds}}
  template:
    metadata: {labels: {a: ds}}
    spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: x}]}
`)
	e.untilPrinted("pod", "now", "2/2", "Running")
	e.untilPrinted("pod", "soon", "0/1", "Running")
	e.untilPrinted("pod", "soon", "1/1", "Running")
	e.untilPrinted("pod", "image", "ImagePullBackOff")
	e.untilPrinted("pod", "crash", "CrashLoopBackOff")
	e.untilPrinted("pod", "done", "Completed")
	e.untilPrinted("pod", "failed", "Error")
	e.untilPrinted("pod", "never", "0/1", "Running")
	e.untilPrinted("job", "job", "Complete", "2/2")
	if code := e.kubectl("get", "pod", "failed", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"); code != "42" {
		t.Errorf("exit code %s", code)
	}
	e.untilPrinted("ds", "ds", "ds 2 2 2 2 2")

	for name, times := range map[string][2]time.Duration{
		"now": {0, 2 * time.Second}, "end": {time.Second, 3 * time.Second}, "slow-end": {3 * time.Second, 6 * time.Second},
	} {
		began := time.Now()
		e.kubectl("delete", "pod", name)
		if took := time.Since(began); took < times[0] || took > times[1] {
			t.Errorf("%s ended after %s, want between %s and %s", name, took, times[0], times[1])
		}
	}
	e.kubectl("delete", "pod", "hangs", "--wait=false")
	time.Sleep(4 * time.Second)
	e.untilPrinted("pod", "hangs", "Terminating")

	e.kubectl("annotate", "node", "old", prefix+"not-ready=true")
	e.untilPrinted("node", "old", " NotReady ")
	e.kubectl("annotate", "node", "old", prefix+"not-ready-")
	e.untilPrinted("node", "old", " Ready ")

	// A dead kubelet: the real node controller finds out, and nothing ends.
	e.kubectl("label", "node", "old", prefix+"kubelet=stopped")
	e.untilPrinted("node", "old", " NotReady ")
	e.until(10*time.Second, "taint", func() bool {
		return strings.Contains(e.kubectl("get", "node", "old", "-o", "jsonpath={.spec.taints}"), "node.kubernetes.io/unreachable")
	})
	dead := e.kubectl("get", "pod", "--field-selector=spec.nodeName=old", "-o", "jsonpath={.items[0].metadata.name}")
	e.kubectl("delete", "pod", dead, "--wait=false", "--grace-period=1")
	time.Sleep(3 * time.Second)
	e.untilPrinted("pod", dead, "Terminating")
	e.kubectl("label", "node", "old", prefix+"kubelet-")
	e.untilPrinted("node", "old", " Ready ")
	e.until(20*time.Second, "the dead pod is gone", func() bool {
		out, _ := e.try("bin/kubectl", "get", "pod", dead)
		return strings.Contains(out, "NotFound")
	})
}

func TestUsersAndVersion(t *testing.T) {
	e := start(t, "--emulated-version=1.34")
	var v struct {
		ServerVersion struct{ GitVersion, EmulationMinor string }
	}
	if err := json.Unmarshal([]byte(e.kubectl("version", "-o", "json")), &v); err != nil {
		t.Fatal(err)
	}
	if v.ServerVersion.GitVersion != "v1.37.2" || v.ServerVersion.EmulationMinor != "34" {
		t.Errorf("version %+v", v)
	}
	for context, want := range map[string]string{"admin": "yes", "admin-cert": "yes", "reader": "no", "nobody": "no"} {
		out, _ := e.try("bin/kubectl", "--context", context, "auth", "can-i", "list", "pods")
		if strings.TrimSpace(out) != want {
			t.Errorf("%s may list pods: %s, want %s", context, out, want)
		}
	}
	e.kubectl("get", "endpoints") // deprecated since 1.33
	if m := e.kubectl("get", "--raw", "/metrics"); !strings.Contains(m, `apiserver_requested_deprecated_apis{group="",`) {
		t.Error("/metrics does not tell of the deprecated API that was asked for")
	}
}

func TestKillAndStart(t *testing.T) {
	e := start(t)
	e.kubectl("create", "configmap", "kept")
	for _, name := range cluster.ComponentNames {
		e.run("testcluster", "kill", e.dir, name)
		if out := e.run("testcluster", "status", e.dir); !strings.Contains(out, "signal: killed") {
			t.Errorf("after the kill of %s:\n%s", name, out)
		}
		e.run("testcluster", "start", e.dir, name)
	}
	e.until(20*time.Second, "the data is still there", func() bool {
		out, err := e.try("bin/kubectl", "get", "configmap", "kept")
		return err == nil && strings.Contains(out, "kept")
	})
}

// All processes end with the supervisor, however it ends.
func TestNothingSurvives(t *testing.T) {
	for _, how := range []string{"the input closes", "kill -9"} {
		e := start(t)
		s, err := cluster.ReadState(e.dir)
		if err != nil {
			t.Fatal(err)
		}
		if how == "kill -9" {
			if err := syscall.Kill(s.Supervisor, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		} else {
			e.stop()
		}
		for _, c := range s.Components {
			e.until(5*time.Second, c.Name+" has ended after "+how, func() bool {
				line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.PID))
				return err != nil || len(line) == 0
			})
		}
	}
}

// What kubectl prints of one cluster comes alive in another.
func TestLoad(t *testing.T) {
	a := start(t)
	a.run("testcluster", "fill", a.dir, "--nodes=3", "--pods=9", "--deployments=3", "--namespaces=1")
	a.kubectl("create", "-n", "load-00", "configmap", "owned")
	all := a.kubectl("get", "nodes,namespaces,deployments,replicasets,pods,configmaps,poddisruptionbudgets", "-A", "-o", "json")
	file := filepath.Join(t.TempDir(), "all.json")
	if err := os.WriteFile(file, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	columns := []string{"get", "pods", "-A", "--sort-by=.metadata.name", "-o",
		"custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,IP:.status.podIP,PHASE:.status.phase,START:.status.startTime,OWNER:.metadata.ownerReferences[0].name"}
	want := a.kubectl(columns...)
	a.stop()

	b := start(t)
	b.run("testcluster", "load", b.dir, file)
	time.Sleep(3 * time.Second) // for controllers that would change something
	if got := b.kubectl(columns...); got != want {
		t.Errorf("loaded:\n%s\ntaken from:\n%s", got, want)
	}
	removed := filepath.Join(t.TempDir(), "removed.yaml")
	if err := os.WriteFile(removed, []byte("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := b.try("testcluster", "load", b.dir, removed)
	if err == nil || !strings.Contains(out, "does not serve policy/v1beta1; of this kind it serves policy/v1") {
		t.Errorf("a removed API: %v\n%s", err, out)
	}
}
