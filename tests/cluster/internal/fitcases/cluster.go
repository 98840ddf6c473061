// Package fitcases makes random small clusters with pending pods, on which the
// scheduler's filters and those of drainsafe can be compared: what matters for
// one of the filters at a time ("families"), and all of it mixed.
//
// The objects are as an API server stores them: valid, with defaults, and with
// what it does when a pod is created (matchLabelKeys merged into selectors).
// One seed always gives the same clusters.
package fitcases

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"patchkit.test/cluster/internal/judge"
)

// Families are the kinds of clusters, in the proportions in which they are made.
var Families = []string{
	"volumes", "spread", "resources", "podaffinity", "volumes", "nodeaffinity", "taints", "spread",
	"mixed", "podaffinity", "ports", "resources", "volumes", "nodeaffinity", "mixed",
}

const (
	zoneKey = v1.LabelTopologyZone
	hostKey = v1.LabelHostname
	rackKey = "example.com/rack"
	genKey  = "example.com/gen"
)

var (
	namespaces = []string{"default", "prod", "team-b", "ghost"} // ghost has no Namespace object
	apps       = []string{"web", "db", "cache", "batch"}
	created    = metav1.NewTime(time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC))
)

// generator is the state of one case.
type generator struct {
	*rand.Rand
	family  string
	serial  int
	objects []runtime.Object
	nodes   []*v1.Node
	volumes *volumes
}

// Case makes the nth case of a seed.
func Case(seed uint64, n int, family string) (judge.Case, error) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(n))), family: family}
	g.cluster()
	g.Shuffle(len(g.objects), func(i, j int) { g.objects[i], g.objects[j] = g.objects[j], g.objects[i] })
	c := judge.Case{Name: fmt.Sprintf("s%d-%05d-%s", seed, n, family)}
	for _, o := range g.objects {
		kinds, _, err := scheme.Scheme.ObjectKinds(o)
		if err != nil {
			return c, err
		}
		o.GetObjectKind().SetGroupVersionKind(kinds[0])
		raw, err := json.Marshal(o)
		if err != nil {
			return c, err
		}
		c.Objects = append(c.Objects, raw)
	}
	return c, nil
}

// about tells whether this case is about something; the others have a little of
// it too.
func (g *generator) about(family string, little float64) bool {
	switch g.family {
	case family:
		return g.Float64() < 0.8
	case "mixed":
		return g.Float64() < 0.35
	}
	return g.Float64() < little
}

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) meta(name, namespace string) metav1.ObjectMeta {
	g.serial++
	return metav1.ObjectMeta{
		Name: name, Namespace: namespace, CreationTimestamp: created,
		UID:             types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012x", g.serial)),
		ResourceVersion: fmt.Sprint(1000 + g.serial),
	}
}

func (g *generator) cluster() {
	for _, name := range namespaces[:3] {
		ns := &v1.Namespace{ObjectMeta: g.meta(name, ""), Status: v1.NamespaceStatus{Phase: v1.NamespaceActive}}
		ns.Labels = map[string]string{"kubernetes.io/metadata.name": name}
		if g.chance(0.8) {
			ns.Labels["env"] = pick(g, "prod", "dev")
		}
		g.objects = append(g.objects, ns)
	}
	count := 2 + g.IntN(9)
	for i := range count {
		g.node(i)
	}
	g.makeVolumes()
	for i := range g.IntN(4 * count) {
		g.placed(i)
	}
	for i := range 1 + g.IntN(5) {
		g.pending(i)
	}
	g.attachments()
}

func (g *generator) node(i int) {
	n := &v1.Node{ObjectMeta: g.meta(fmt.Sprintf("node-%02d", i), "")}
	n.Labels = map[string]string{v1.LabelOSStable: "linux", v1.LabelArchStable: pick(g, "amd64", "amd64", "arm64")}
	if g.chance(0.97) {
		n.Labels[hostKey] = n.Name
		if g.chance(0.03) {
			n.Labels[hostKey] = "other-" + n.Name
		}
	}
	if g.chance(0.9) {
		n.Labels[zoneKey] = pick(g, "z1", "z2", "z3")
		n.Labels[v1.LabelTopologyRegion] = "r1"
	}
	if g.chance(0.7) {
		n.Labels[rackKey] = fmt.Sprintf("rack-%d", g.IntN(4))
	}
	if g.chance(0.6) {
		n.Labels[genKey] = pick(g, "1", "2", "10", "-3", "x", "")
	}
	if g.chance(0.3) {
		n.Labels["flag"] = ""
	}
	for g.about("taints", 0.12) && len(n.Spec.Taints) < 4 {
		taint := v1.Taint{
			Key:    pick(g, "dedicated", "gpu", "size", "node.kubernetes.io/not-ready"),
			Value:  pick(g, "", "a", "b", "5"),
			Effect: pick(g, v1.TaintEffectNoSchedule, v1.TaintEffectNoSchedule, v1.TaintEffectNoExecute, v1.TaintEffectPreferNoSchedule),
		}
		double := false
		for _, t := range n.Spec.Taints {
			double = double || t.Key == taint.Key && t.Effect == taint.Effect
		}
		if double {
			break
		}
		n.Spec.Taints = append(n.Spec.Taints, taint)
	}
	if g.about("taints", 0.08) && g.chance(0.4) {
		n.Spec.Unschedulable = true
		if g.chance(0.8) { // the node controller is a little later
			n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: v1.TaintNodeUnschedulable, Effect: v1.TaintEffectNoSchedule})
		}
	}
	small := g.family == "resources" || g.chance(0.15)
	amounts := v1.ResourceList{
		v1.ResourceCPU:              resource.MustParse(pick(g, "2", "3900m", "8", "16")),
		v1.ResourceMemory:           resource.MustParse(pick(g, "4Gi", "8Gi", "16000M", "32Gi")),
		v1.ResourcePods:             resource.MustParse(pick(g, "20", "50", "110")),
		v1.ResourceEphemeralStorage: resource.MustParse(pick(g, "10Gi", "100Gi")),
	}
	if small {
		amounts[v1.ResourceCPU] = resource.MustParse(pick(g, "500m", "1", "1500m", "2"))
		amounts[v1.ResourceMemory] = resource.MustParse(pick(g, "512Mi", "1Gi", "2Gi"))
		amounts[v1.ResourcePods] = resource.MustParse(pick(g, "1", "3", "8"))
	}
	if g.chance(0.4) {
		amounts["nvidia.com/gpu"] = resource.MustParse(pick(g, "0", "1", "4"))
	}
	if g.chance(0.4) {
		amounts["example.com/foo"] = resource.MustParse(pick(g, "2", "10"))
	}
	if g.chance(0.4) {
		amounts["hugepages-2Mi"] = resource.MustParse(pick(g, "64Mi", "128Mi"))
	}
	n.Status = v1.NodeStatus{Capacity: amounts, Allocatable: amounts}
	if g.chance(0.4) {
		n.Status.DeclaredFeatures = []string{"RestartAllContainersOnContainerExits"}
	}
	if g.chance(0.3) {
		n.Status.DeclaredFeatures = append(n.Status.DeclaredFeatures, "UserNamespacesHostNetworkSupport")
	}
	g.nodes = append(g.nodes, n)
	g.objects = append(g.objects, n)
}

// terms of a node selector.
func (g *generator) nodeTerms() []v1.NodeSelectorTerm {
	var terms []v1.NodeSelectorTerm
	for range 1 + g.IntN(3) {
		var t v1.NodeSelectorTerm
		for range g.IntN(3) {
			r := v1.NodeSelectorRequirement{Key: pick(g, zoneKey, rackKey, genKey, "flag", hostKey, v1.LabelArchStable)}
			switch r.Operator = pick(g, v1.NodeSelectorOpIn, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn,
				v1.NodeSelectorOpExists, v1.NodeSelectorOpDoesNotExist, v1.NodeSelectorOpGt, v1.NodeSelectorOpLt); r.Operator {
			case v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn:
				for range 1 + g.IntN(3) {
					r.Values = append(r.Values, pick(g, "z1", "z2", "rack-0", "rack-1", "1", "2", "", "amd64", "node-00", "node-01", "node-03"))
				}
			case v1.NodeSelectorOpGt, v1.NodeSelectorOpLt:
				r.Key = pick(g, genKey, genKey, genKey, "flag")
				r.Values = []string{pick(g, "0", "1", "5", "-1")}
			}
			t.MatchExpressions = append(t.MatchExpressions, r)
		}
		for g.chance(0.25) && len(t.MatchFields) < 2 {
			t.MatchFields = append(t.MatchFields, v1.NodeSelectorRequirement{
				Key:      metav1.ObjectNameField,
				Operator: pick(g, v1.NodeSelectorOpIn, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn),
				Values:   []string{pick(g, "node-00", "node-01", "node-02", "node-99")},
			})
		}
		terms = append(terms, t)
	}
	return terms
}
