package judge

import (
	"os"
	"path/filepath"
	"testing"
)

// oracle is the folder of recorded answers: PATCHKIT_SHARED, or "shared" beside
// the repository.
func oracle(t *testing.T) string {
	shared := os.Getenv("PATCHKIT_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "..", "shared")
	}
	file := filepath.Join(shared, "oracles", "scheduler", "cases.json.gz")
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the recorded answers are not here (%v); PATCHKIT_SHARED names their folder", err)
	}
	return file
}

func TestOracle(t *testing.T) {
	cases, pairs := 0, 0
	err := ReadCases(oracle(t), func(c Case) error {
		got, err := Judge(t.Context(), c)
		if err != nil {
			return err
		}
		for _, d := range Differences(c.Pods, got) {
			t.Errorf("%s: %s", c.Name, d)
		}
		cases++
		for _, v := range got {
			pairs += len(v.Feasible) + len(v.Rejected)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cases < 300 || pairs < 6000 {
		t.Errorf("only %d cases with %d pairs were read", cases, pairs)
	}
}

// Objects without the fields that an API server fills in, as YAML.
func TestPlainObjects(t *testing.T) {
	const text = `
apiVersion: v1
kind: Node
metadata: {name: big}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "10"}}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: small}
  status: {allocatable: {cpu: "1", memory: 8Gi, pods: "10"}}
- apiVersion: v1
  kind: Node
  metadata: {name: cordoned}
  spec: {unschedulable: true}
  status: {allocatable: {cpu: "4", memory: 8Gi, pods: "10"}}
- apiVersion: example.com/v1
  kind: Widget
  metadata: {name: w}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec:
  containers: [{name: c, image: i, resources: {limits: {cpu: "2"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: gated, namespace: default}
spec:
  schedulingGates: [{name: example.com/wait}]
  containers: [{name: c, image: i}]
`
	file := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []Verdict{
		{Namespace: "default", Name: "gated", NotEvaluated: "schedulingGates: example.com/wait"},
		{Namespace: "default", Name: "p", Feasible: []string{"big"}, Rejected: []Rejection{
			{"cordoned", "NodeUnschedulable", "node(s) were unschedulable"},
			{"small", "NodeResourcesFit", "Insufficient cpu"},
		}},
	}
	n := 0
	err := ReadCases(file, func(c Case) error {
		n++
		got, err := Judge(t.Context(), c)
		if err != nil {
			return err
		}
		for _, d := range Differences(want, got) {
			t.Error(d)
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Fatalf("%d cases, %v", n, err)
	}
}
