// Package fill makes nodes and Deployments by the hundred, for load tests.
package fill

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"patchkit.test/cluster/stages"
)

// Options say how much of what.
type Options struct {
	Nodes, Pods, Zones, Pools, Deployments, Namespaces int

	CPU, Memory    string // of a node
	PoolLabel      string
	KubeletVersion string
	// Prefix starts all names, so that a cluster can be filled twice.
	Prefix string
	// Spread are topology keys over which each Deployment is spread strictly,
	// with a skew of 1.
	Spread []string
	// Budgets gives each Deployment a PodDisruptionBudget of one unavailable.
	Budgets bool
	// ReadyAfter, EndAfter and Grace script the pods, see package stages.
	ReadyAfter, EndAfter string
	Grace                int64
	Timeout              time.Duration
}

const workers = 16

// Fill creates the objects and waits until all of it is ready.
func Fill(ctx context.Context, config *rest.Config, o Options, progress io.Writer) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	began := time.Now()
	if o.Deployments == 0 {
		o.Deployments = (o.Pods + 24) / 25
	}
	o.Namespaces = max(1, min(o.Namespaces, o.Deployments))
	o.Zones, o.Pools = max(1, o.Zones), max(1, o.Pools)

	err = each(o.Nodes, func(i int) error {
		_, err := client.CoreV1().Nodes().Create(ctx, node(o, i), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	if o.Pods > 0 {
		if err := deployments(ctx, client, o); err != nil {
			return err
		}
	}
	return wait(ctx, client, o, began, progress)
}

// each calls do for 0 to n-1, some at a time; what is there already is fine.
func each(n int, do func(int) error) error {
	work := make(chan int)
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := range work {
				if err := do(i); err != nil && !apierrors.IsAlreadyExists(err) {
					errs <- err
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	close(errs)
	return <-errs
}

func node(o Options, i int) *corev1.Node {
	name := fmt.Sprintf("%snode-%04d", o.Prefix, i)
	zone := i % o.Zones
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(o.CPU),
		corev1.ResourceMemory:           resource.MustParse(o.Memory),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelArchStable:         "amd64",
				corev1.LabelOSStable:           "linux",
				corev1.LabelInstanceTypeStable: "standard-" + o.CPU,
				corev1.LabelTopologyRegion:     "region-1",
				corev1.LabelTopologyZone:       fmt.Sprintf("region-1%c", 'a'+zone),
				o.PoolLabel:                    fmt.Sprintf("pool-%c", 'a'+i/o.Zones%o.Pools),
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			NodeInfo:    corev1.NodeSystemInfo{KubeletVersion: o.KubeletVersion},
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.%d.%d.%d", 64+i>>16, i>>8&255, i&255)},
				{Type: corev1.NodeHostName, Address: name},
			},
		},
	}
}

func deployments(ctx context.Context, client kubernetes.Interface, o Options) error {
	namespace := func(i int) string { return fmt.Sprintf("%sload-%02d", o.Prefix, i%o.Namespaces) }
	err := each(o.Namespaces, func(i int) error {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace(i)}}
		_, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("namespaces: %w", err)
	}
	err = each(o.Deployments, func(i int) error {
		replicas := o.Pods / o.Deployments
		if i < o.Pods%o.Deployments {
			replicas++
		}
		d := deployment(o, i, int32(replicas))
		_, err := client.AppsV1().Deployments(namespace(i)).Create(ctx, d, metav1.CreateOptions{})
		if (err != nil && !apierrors.IsAlreadyExists(err)) || !o.Budgets {
			return err
		}
		one := intstr.FromInt32(1)
		budget := &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: d.Name},
			Spec:       policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: d.Spec.Selector},
		}
		_, err = client.PolicyV1().PodDisruptionBudgets(namespace(i)).Create(ctx, budget, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("deployments: %w", err)
	}
	return nil
}

func deployment(o Options, i int, replicas int32) *appsv1.Deployment {
	name := fmt.Sprintf("%sapp-%04d", o.Prefix, i)
	labels := map[string]string{"app": name}
	annotations := map[string]string{}
	if o.ReadyAfter != "" {
		annotations[stages.Prefix+"ready-after"] = o.ReadyAfter
	}
	if o.EndAfter != "" {
		annotations[stages.Prefix+"end-after"] = o.EndAfter
	}
	var spread []corev1.TopologySpreadConstraint
	for _, key := range o.Spread {
		spread = append(spread, corev1.TopologySpreadConstraint{
			MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.DoNotSchedule,
			LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
		})
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: &o.Grace,
					TopologySpreadConstraints:     spread,
					Containers: []corev1.Container{{
						Name:  "app",
						Image: "registry.example/app:1.0",
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU:    resource.MustParse("100m"),
							corev1.ResourceMemory: resource.MustParse("128Mi"),
						}},
						ReadinessProbe: &corev1.Probe{
							ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8080)}},
							PeriodSeconds: 1,
						},
					}},
				},
			},
		},
	}
}

// wait waits until all nodes and all replicas are ready.
func wait(ctx context.Context, client kubernetes.Interface, o Options, began time.Time, progress io.Writer) error {
	for told := time.Now(); ; {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return err
		}
		ready := 0
		for _, n := range nodes.Items {
			for _, c := range n.Status.Conditions {
				if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		apps, err := client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return err
		}
		var wanted, available int32
		for _, d := range apps.Items {
			wanted += *d.Spec.Replicas
			available += min(*d.Spec.Replicas, d.Status.AvailableReplicas)
		}
		state := fmt.Sprintf("%d of %d nodes and %d of %d replicas ready after %.1f s",
			ready, len(nodes.Items), available, wanted, time.Since(began).Seconds())
		switch {
		case ready == len(nodes.Items) && available == wanted && int(wanted) >= o.Pods:
			fmt.Fprintln(progress, state)
			return nil
		case time.Since(began) > o.Timeout:
			return fmt.Errorf("%s: gave up; 'kubectl get pods -A | grep -v Running' shows what is missing", state)
		case time.Since(told) > 10*time.Second:
			fmt.Fprintln(progress, state)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}
