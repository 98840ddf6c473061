// Package judge says for pending pods on which nodes the scheduler would put
// them, by running the scheduler's own filter plugins on objects from a file:
// the plugins, their order, their configuration and their feature gates are the
// defaults of the kube-scheduler of this module's version.
//
// Each pod is judged by itself, against the same snapshot. The objects are
// taken as an API server stores them: what it does when a pod is created (such
// as merging matchLabelKeys into selectors) is not done again, but fields that
// it would have filled in are.
package judge

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/core/install"    // defaults
	_ "k8s.io/kubernetes/pkg/apis/storage/install" // defaults
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// setup is what all cases share.
var setup = sync.OnceValues(func() (*config.KubeSchedulerProfile, error) {
	metrics.Register()
	// The plugins log what they think; the verdict is what matters here.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	c, err := latest.Default()
	if err != nil {
		return nil, err
	}
	return &c.Profiles[0], nil
})

// Judge gives the verdict on each pending pod of the objects, by namespace and
// name.
func Judge(ctx context.Context, c Case) ([]Verdict, error) {
	profile, err := setup()
	if err != nil {
		return nil, err
	}
	all, err := decode(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.Logger{}))
	defer cancel()
	f, snapshot, err := newFramework(ctx, profile, all)
	if err != nil {
		return nil, err
	}
	nodes, err := snapshot.NodeInfos().List()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b fwk.NodeInfo) int { return strings.Compare(a.Node().Name, b.Node().Name) })
	verdicts := make([]Verdict, 0, len(all.pending))
	for _, pod := range all.pending {
		verdicts = append(verdicts, judgePod(ctx, f, pod, nodes))
	}
	return verdicts, nil
}

// objects are the decoded ones: all of them for the informers, and those of the
// snapshot apart.
type objects struct {
	all     []runtime.Object
	nodes   []*v1.Node
	placed  []*v1.Pod
	pending []*v1.Pod
}

func decode(c Case) (*objects, error) {
	out := &objects{}
	decoder := scheme.Codecs.UniversalDeserializer()
	for i, raw := range c.Objects {
		o, _, err := decoder.Decode(raw, nil, nil)
		if runtime.IsNotRegisteredError(err) {
			continue // of no interest to the scheduler: a custom resource
		}
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", i, err)
		}
		legacyscheme.Scheme.Default(o)
		switch o := o.(type) {
		case *v1.Node:
			out.nodes = append(out.nodes, o)
		case *v1.Pod:
			// The scheduler never sees a pod that has finished.
			if o.Status.Phase == v1.PodSucceeded || o.Status.Phase == v1.PodFailed {
				continue
			}
			if o.Spec.NodeName != "" {
				out.placed = append(out.placed, o)
			} else if o.DeletionTimestamp == nil {
				out.pending = append(out.pending, o)
			}
		}
		out.all = append(out.all, o)
	}
	known := sets.New[string]()
	for _, n := range out.nodes {
		known.Insert(n.Name)
	}
	// The scheduler's cache does not show pods of nodes that are not there.
	out.placed = slices.DeleteFunc(out.placed, func(p *v1.Pod) bool { return !known.Has(p.Spec.NodeName) })
	slices.SortFunc(out.pending, func(a, b *v1.Pod) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return out, nil
}

// newFramework puts the plugins together the way scheduler.New does, on a
// client that has the objects.
func newFramework(ctx context.Context, profile *config.KubeSchedulerProfile, o *objects) (framework.Framework, *cache.Snapshot, error) {
	client := fake.NewSimpleClientset(o.all...)
	factory := informers.NewSharedInformerFactory(client, 0)
	snapshot := cache.NewSnapshot(o.placed, o.nodes)
	gates := utilfeature.DefaultFeatureGate

	options := []frameworkruntime.Option{
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(factory),
		frameworkruntime.WithSnapshotSharedLister(snapshot),
		frameworkruntime.WithMutableSnapshotLister(snapshot),
		frameworkruntime.WithEventRecorder(noEvents{}),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()),
		frameworkruntime.WithPodsInPreBind(frameworkruntime.NewPodsInPreBindMap()),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(factory.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithPodGroupManager(cache.New(ctx, nil, gates.Enabled(features.GenericWorkload), gates.Enabled(features.CompositePodGroup))),
	}
	if gates.Enabled(features.DynamicResourceAllocation) {
		logger := klog.FromContext(ctx)
		claims := assumecache.NewAssumeCache(logger, factory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
		slicesOptions := tracker.Options{
			EnableDeviceTaintRules:   gates.Enabled(features.DRADeviceTaintRules),
			EnableConsumableCapacity: gates.Enabled(features.DRAConsumableCapacity),
			SliceInformer:            factory.Resource().V1().ResourceSlices(),
			KubeClient:               client,
		}
		if slicesOptions.EnableDeviceTaintRules {
			slicesOptions.TaintInformer = factory.Resource().V1().DeviceTaintRules()
		}
		slicesTracker, err := tracker.StartTracker(ctx, slicesOptions)
		if err != nil {
			return nil, nil, err
		}
		options = append(options, frameworkruntime.WithSharedDRAManager(
			dynamicresources.NewDRAManager(ctx, claims, slicesTracker, factory)))
	}
	f, err := frameworkruntime.NewFramework(ctx, plugins.NewInTreeRegistry(), profile, options...)
	if err != nil {
		return nil, nil, err
	}
	factory.StartWithContext(ctx)
	result := factory.WaitForCacheSyncWithContext(ctx)
	return f, snapshot, result.AsError()
}

// judgePod runs PreFilter, then Filter for each node, as the scheduler does in
// findNodesThatFitPod.
func judgePod(ctx context.Context, f framework.Framework, pod *v1.Pod, nodes []fwk.NodeInfo) Verdict {
	v := Verdict{Namespace: pod.Namespace, Name: pod.Name, Feasible: []string{}, Rejected: []Rejection{}}
	if v.NotEvaluated = notEvaluated(pod); v.NotEvaluated != "" {
		return v
	}
	reject := func(node fwk.NodeInfo, filter, message string) {
		v.Rejected = append(v.Rejected, Rejection{Node: node.Node().Name, Filter: filter, Message: message})
	}
	state := framework.NewCycleState()
	only, status, unsatisfied := f.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		for _, n := range nodes {
			reject(n, status.Plugin(), message(status))
		}
		return v
	}
	for _, n := range nodes {
		if !only.AllNodes() && !only.NodeNames.Has(n.Node().Name) {
			names := sets.List(unsatisfied)
			reject(n, strings.Join(names, ","), fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", names))
			continue
		}
		if status := f.RunFilterPlugins(ctx, state, pod, n); !status.IsSuccess() {
			reject(n, status.Plugin(), message(status))
			continue
		}
		v.Feasible = append(v.Feasible, n.Node().Name)
	}
	return v
}

func notEvaluated(pod *v1.Pod) string {
	switch {
	case len(pod.Spec.SchedulingGates) > 0:
		var names []string
		for _, g := range pod.Spec.SchedulingGates {
			names = append(names, g.Name)
		}
		return "schedulingGates: " + strings.Join(names, ", ")
	case pod.Spec.SchedulerName != "" && pod.Spec.SchedulerName != v1.DefaultSchedulerName:
		return "schedulerName: " + pod.Spec.SchedulerName
	}
	return ""
}

// message joins a plugin's reasons in a fixed order; some come out of maps.
func message(status *fwk.Status) string {
	reasons := slices.Clone(status.Reasons())
	slices.Sort(reasons)
	return strings.Join(reasons, ", ")
}

// noEvents is for plugins that would tell somebody.
type noEvents struct{}

func (noEvents) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}
func (n noEvents) WithLogger(klog.Logger) events.EventRecorderLogger                           { return n }
