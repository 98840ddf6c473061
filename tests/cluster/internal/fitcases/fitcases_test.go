package fitcases

import (
	"encoding/json"
	"testing"

	"patchkit.test/cluster/internal/judge"
)

// Every case can be judged, the same seed gives the same case, and the cases
// reach every filter that looks at objects.
func TestCases(t *testing.T) {
	filters := map[string]int{}
	feasible := 0
	for n := range 150 {
		family := Families[n%len(Families)]
		c, err := Case(7, n, family)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Case(7, n, family)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(c)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Fatalf("%s is another one the second time", c.Name)
		}
		verdicts, err := judge.Judge(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for _, v := range verdicts {
			feasible += len(v.Feasible)
			for _, r := range v.Rejected {
				filters[r.Filter]++
			}
		}
	}
	for _, f := range []string{"NodeUnschedulable", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit",
		"VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread", "InterPodAffinity", "NodeDeclaredFeatures"} {
		if filters[f] == 0 {
			t.Errorf("%s rejects nothing; it is not tested by these cases", f)
		}
	}
	if feasible < 100 {
		t.Errorf("only %d nodes are feasible", feasible)
	}
}
