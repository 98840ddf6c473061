package fitcases

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod is what placed and pending pods have in common.
func (g *generator) pod(name string) *v1.Pod {
	p := &v1.Pod{ObjectMeta: g.meta(name, pick(g, namespaces...))}
	p.Labels = map[string]string{"app": pick(g, apps...)}
	if g.chance(0.5) {
		p.Labels["tier"] = pick(g, "front", "back")
	}
	if g.chance(0.7) {
		p.Labels["pod-template-hash"] = pick(g, "aaa", "bbb")
	}
	if g.chance(0.2) {
		p.Labels["tenant"] = pick(g, "t1", "t2")
	}
	grace := int64(30)
	p.Spec = v1.PodSpec{
		RestartPolicy: v1.RestartPolicyAlways, SchedulerName: v1.DefaultSchedulerName,
		DNSPolicy: v1.DNSClusterFirst, SecurityContext: &v1.PodSecurityContext{},
		TerminationGracePeriodSeconds: &grace,
	}
	for i := range 1 + g.IntN(2) {
		c := g.container(fmt.Sprintf("c%d", i))
		g.ports(&c)
		p.Spec.Containers = append(p.Spec.Containers, c)
	}
	for i := 0; g.about("resources", 0.1) && i < 3; i++ {
		c := g.container(fmt.Sprintf("i%d", i))
		if g.chance(0.4) {
			always := v1.ContainerRestartPolicyAlways
			c.RestartPolicy = &always
		}
		g.ports(&c)
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	}
	if g.about("resources", 0.05) && g.chance(0.3) {
		class := "kata"
		p.Spec.RuntimeClassName = &class
		p.Spec.Overhead = v1.ResourceList{v1.ResourceCPU: resource.MustParse("250m"), v1.ResourceMemory: resource.MustParse("128Mi")}
	}
	if g.about("resources", 0.03) && g.chance(0.25) {
		// At least what the containers ask for together, as validation wants.
		p.Spec.Resources = &v1.ResourceRequirements{Requests: v1.ResourceList{
			v1.ResourceCPU: resource.MustParse(pick(g, "8", "12")), v1.ResourceMemory: resource.MustParse(pick(g, "8Gi", "12Gi"))}}
		if g.chance(0.3) {
			delete(p.Spec.Resources.Requests, pick(g, v1.ResourceCPU, v1.ResourceMemory))
		}
	}
	if g.about("ports", 0.02) && g.chance(0.15) {
		p.Spec.HostNetwork = true
		if g.chance(0.4) { // with a user namespace, which not every kubelet can do
			no := false
			p.Spec.HostUsers = &no
		}
		for i := range p.Spec.Containers {
			for j := range p.Spec.Containers[i].Ports {
				p.Spec.Containers[i].Ports[j].ContainerPort = p.Spec.Containers[i].Ports[j].HostPort
			}
		}
	}
	return p
}

func (g *generator) container(name string) v1.Container {
	c := v1.Container{Name: name, Image: "registry.example/app:v1", ImagePullPolicy: v1.PullIfNotPresent}
	r := v1.ResourceList{}
	if g.chance(0.75) {
		r[v1.ResourceCPU] = resource.MustParse(pick(g, "10m", "100m", "250m", "500m", "1", "1500u", "0"))
	}
	if g.chance(0.75) {
		r[v1.ResourceMemory] = resource.MustParse(pick(g, "64Mi", "256Mi", "1Gi", "100000k", "0"))
	}
	if g.about("resources", 0.05) {
		if g.chance(0.3) {
			r[v1.ResourceEphemeralStorage] = resource.MustParse(pick(g, "1Gi", "5Gi", "20G"))
		}
		for _, extended := range []v1.ResourceName{"nvidia.com/gpu", "example.com/foo", "example.com/none"} {
			if g.chance(0.15) {
				r[extended] = resource.MustParse(pick(g, "0", "1", "2"))
			}
		}
		if g.chance(0.15) {
			r["hugepages-2Mi"] = resource.MustParse(pick(g, "32Mi", "64Mi"))
		}
	}
	if len(r) > 0 {
		c.Resources.Requests = r
		c.Resources.Limits = v1.ResourceList{}
		for name, amount := range r {
			// These may not be overcommitted.
			if name != v1.ResourceCPU && name != v1.ResourceMemory && name != v1.ResourceEphemeralStorage {
				c.Resources.Limits[name] = amount
			}
		}
	}
	return c
}

func (g *generator) ports(c *v1.Container) {
	for g.about("ports", 0.03) && len(c.Ports) < 3 {
		c.Ports = append(c.Ports, v1.ContainerPort{
			ContainerPort: 80, HostPort: pick[int32](g, 80, 443, 8080),
			Protocol: pick(g, v1.ProtocolTCP, v1.ProtocolTCP, v1.ProtocolUDP),
			HostIP:   pick(g, "", "", "0.0.0.0", "127.0.0.1", "10.0.0.1", "::"),
		})
	}
}

// placed makes a pod that has a node: running, terminating, finished, resized,
// or on a node that is not there.
func (g *generator) placed(i int) {
	p := g.pod(fmt.Sprintf("run-%02d", i))
	p.Spec.NodeName = g.nodes[g.IntN(len(g.nodes))].Name
	p.Status.Phase = v1.PodRunning
	switch {
	case g.chance(0.04):
		p.Spec.NodeName = "node-gone"
	case g.chance(0.05):
		p.Status.Phase = pick(g, v1.PodSucceeded, v1.PodFailed)
	case g.chance(0.06):
		p.DeletionTimestamp = &created
		p.DeletionGracePeriodSeconds = p.Spec.TerminationGracePeriodSeconds
	case g.about("resources", 0.05) && g.chance(0.3):
		actual := v1.ResourceList{v1.ResourceCPU: resource.MustParse(pick(g, "50m", "1")), v1.ResourceMemory: resource.MustParse(pick(g, "32Mi", "1Gi"))}
		for _, c := range p.Spec.Containers {
			s := v1.ContainerStatus{Name: c.Name, Resources: &v1.ResourceRequirements{Requests: actual}}
			if g.chance(0.5) {
				s.AllocatedResources = actual
			}
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, s)
		}
		if p.Spec.Resources != nil && g.chance(0.6) { // resized as a whole
			p.Status.Resources = &v1.ResourceRequirements{Requests: actual}
			if g.chance(0.5) {
				p.Status.AllocatedResources = actual
			}
		}
		if g.chance(0.5) {
			p.Status.Conditions = append(p.Status.Conditions, v1.PodCondition{
				Type: v1.PodResizePending, Status: v1.ConditionTrue,
				Reason: pick(g, v1.PodReasonInfeasible, v1.PodReasonDeferred)})
		}
	}
	if g.about("podaffinity", 0.05) {
		p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: g.affinityTerms(p)}}
	}
	g.useVolumes(p, true)
	g.objects = append(g.objects, p)
}

// pending makes a pod to be judged.
func (g *generator) pending(i int) {
	p := g.pod(fmt.Sprintf("new-%02d", i))
	p.Status.Phase = v1.PodPending
	if g.chance(0.02) {
		p.Status.Phase = v1.PodFailed // evicted before it was scheduled
	}
	if g.chance(0.02) {
		p.Spec.SchedulingGates = []v1.PodSchedulingGate{{Name: "example.com/wait"}}
	}
	if g.chance(0.01) {
		p.Spec.SchedulerName = "other"
	}
	for g.about("taints", 0.15) && len(p.Spec.Tolerations) < 4 {
		t := v1.Toleration{
			Key:    pick(g, "dedicated", "gpu", "size", v1.TaintNodeUnschedulable, ""),
			Value:  pick(g, "", "a", "b"),
			Effect: pick(g, "", v1.TaintEffectNoSchedule, v1.TaintEffectNoExecute),
		}
		t.Operator = pick(g, v1.TolerationOpEqual, v1.TolerationOpEqual, v1.TolerationOpExists, v1.TolerationOpExists, "")
		if g.chance(0.08) { // of a server on which numeric comparison was on once
			t.Operator, t.Value, t.Key = pick(g, v1.TolerationOpGt, v1.TolerationOpLt), pick(g, "1", "9"), "size"
		}
		if t.Key == "" || t.Key == v1.TaintNodeUnschedulable || t.Operator == v1.TolerationOpExists {
			t.Operator, t.Value = v1.TolerationOpExists, ""
		}
		p.Spec.Tolerations = append(p.Spec.Tolerations, t)
	}
	affinity := &v1.Affinity{}
	if g.about("nodeaffinity", 0.1) {
		if g.chance(0.4) {
			p.Spec.NodeSelector = map[string]string{pick(g, zoneKey, rackKey, "flag"): pick(g, "z1", "rack-1", "")}
		}
		if g.chance(0.8) {
			affinity.NodeAffinity = &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{NodeSelectorTerms: g.nodeTerms()}}
		}
	}
	if g.about("podaffinity", 0.08) {
		if g.chance(0.6) {
			affinity.PodAffinity = &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: g.affinityTerms(p)}
		}
		if g.chance(0.6) {
			affinity.PodAntiAffinity = &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: g.affinityTerms(p)}
		}
	}
	if affinity.NodeAffinity != nil || affinity.PodAffinity != nil || affinity.PodAntiAffinity != nil {
		p.Spec.Affinity = affinity
	}
	g.spread(p)
	if g.chance(0.04) {
		code := int32(42)
		p.Spec.RestartPolicy = v1.RestartPolicyNever
		p.Spec.Containers[0].RestartPolicyRules = []v1.ContainerRestartRule{{
			Action:    v1.ContainerRestartRuleActionRestartAllContainers,
			ExitCodes: &v1.ContainerRestartRuleOnExitCodes{Operator: v1.ContainerRestartRuleOnExitCodesOpIn, Values: []int32{code}}}}
		never := v1.ContainerRestartPolicyNever
		p.Spec.Containers[0].RestartPolicy = &never
	}
	g.useVolumes(p, false)
	g.objects = append(g.objects, p)
}

func (g *generator) selector() *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	if g.chance(0.8) {
		s.MatchLabels = map[string]string{"app": pick(g, apps...)}
	}
	if g.chance(0.3) {
		r := metav1.LabelSelectorRequirement{Key: pick(g, "tier", "tenant"),
			Operator: pick(g, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
		if r.Operator == metav1.LabelSelectorOpIn || r.Operator == metav1.LabelSelectorOpNotIn {
			r.Values = []string{pick(g, "front", "back", "t1")}
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
	}
	return s
}

// merge does what the server does with matchLabelKeys when a pod is created.
func merge(p *v1.Pod, s *metav1.LabelSelector, key string, op metav1.LabelSelectorOperator) {
	if value, ok := p.Labels[key]; ok && s != nil {
		s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: op, Values: []string{value}})
	}
}

func (g *generator) affinityTerms(p *v1.Pod) []v1.PodAffinityTerm {
	var terms []v1.PodAffinityTerm
	for range 1 + g.IntN(2) {
		t := v1.PodAffinityTerm{TopologyKey: pick(g, zoneKey, hostKey, rackKey)}
		if g.chance(0.95) {
			t.LabelSelector = g.selector()
			if g.chance(0.5) { // its own group
				t.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.Labels["app"]}}
			}
			switch {
			case g.chance(0.15):
				t.MatchLabelKeys = []string{"pod-template-hash"}
				merge(p, t.LabelSelector, "pod-template-hash", metav1.LabelSelectorOpIn)
			case g.chance(0.1):
				t.MismatchLabelKeys = []string{"tenant"}
				merge(p, t.LabelSelector, "tenant", metav1.LabelSelectorOpNotIn)
			}
		}
		if g.chance(0.25) {
			t.Namespaces = []string{pick(g, namespaces...)}
		}
		if g.chance(0.3) {
			t.NamespaceSelector = &metav1.LabelSelector{}
			if g.chance(0.7) {
				t.NamespaceSelector.MatchLabels = map[string]string{"env": pick(g, "prod", "dev")}
			}
		}
		terms = append(terms, t)
	}
	return terms
}

func (g *generator) spread(p *v1.Pod) {
	used := map[string]bool{}
	for g.about("spread", 0.08) && len(used) < 3 {
		c := v1.TopologySpreadConstraint{
			MaxSkew: pick[int32](g, 1, 1, 1, 2, 3), TopologyKey: pick(g, zoneKey, hostKey, rackKey),
			WhenUnsatisfiable: pick(g, v1.DoNotSchedule, v1.DoNotSchedule, v1.DoNotSchedule, v1.ScheduleAnyway),
		}
		if used[c.TopologyKey] {
			break
		}
		used[c.TopologyKey] = true
		if g.chance(0.93) {
			c.LabelSelector = g.selector()
			if g.chance(0.6) {
				c.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.Labels["app"]}}
			}
			if g.chance(0.2) {
				c.MatchLabelKeys = []string{"pod-template-hash"}
				merge(p, c.LabelSelector, "pod-template-hash", metav1.LabelSelectorOpIn)
			}
		}
		if c.WhenUnsatisfiable == v1.DoNotSchedule && g.chance(0.25) {
			n := pick[int32](g, 1, 2, 3, 5)
			c.MinDomains = &n
		}
		if g.chance(0.3) {
			policy := pick(g, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore)
			c.NodeAffinityPolicy = &policy
		}
		if g.chance(0.3) {
			policy := pick(g, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore)
			c.NodeTaintsPolicy = &policy
		}
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, c)
	}
}
