// Package load brings objects from files to life in a test cluster, as nearly
// as an API server lets anybody do it: with their statuses, with owner
// references that name the new owners, and pods on the nodes where they were.
//
// While it works, the controller-manager and kwok do not run: a ReplicaSet that
// is seen before its pods would make new ones, and a pod that is seen before
// its status would be started anew. Both see everything at once afterwards.
package load

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"patchkit.test/cluster/internal/cluster"
)

const workers = 16

// Result says what was done.
type Result struct {
	Loaded  map[string]int // by kind
	Skipped map[string]int // by reason
	Made    []string       // what had to be there and was in no file
	Notes   map[string]int // what could not be kept, by kind of loss
	Failed  []string
	Took    time.Duration
}

type loader struct {
	config *rest.Config
	client dynamic.Interface
	mapper meta.RESTMapper
	served string

	mu     sync.Mutex
	uids   map[types.UID]types.UID
	owners map[string]types.UID
	after  []func(context.Context) error
	result *Result
}

// Load creates the objects in the cluster.
func Load(ctx context.Context, state *cluster.State, config *rest.Config, objects []*unstructured.Unstructured) (*Result, error) {
	began := time.Now()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	l := &loader{config: config, client: client,
		uids: map[types.UID]types.UID{}, owners: map[string]types.UID{},
		result: &Result{Loaded: map[string]int{}, Skipped: map[string]int{}, Notes: map[string]int{}}}
	if err := l.discover(); err != nil {
		return nil, err
	}
	resume, err := pause(ctx, state)
	if err != nil {
		return nil, err
	}
	err = l.all(ctx, objects)
	// Also after a failure: a cluster without its controllers is of no use.
	if e := resume(context.WithoutCancel(ctx)); err == nil {
		err = e
	}
	l.result.Took = time.Since(began)
	return l.result, err
}

// pause ends what would react too early; the function that it gives starts it
// again.
func pause(ctx context.Context, state *cluster.State) (func(context.Context) error, error) {
	var paused []string
	resume := func(ctx context.Context) error {
		for _, name := range paused {
			if err := state.Start(ctx, name); err != nil {
				return fmt.Errorf("%s was ended while loading and does not start again: %w", name, err)
			}
		}
		return nil
	}
	for _, c := range state.Components {
		if c.Running && (c.Name == cluster.ControllerManager || c.Name == cluster.Kwok) {
			if err := state.Stop(ctx, c.Name); err != nil {
				return nil, err
			}
			paused = append(paused, c.Name)
		}
	}
	return resume, nil
}

func (l *loader) discover() error {
	d, err := discovery.NewDiscoveryClientForConfig(l.config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(d)
	if err != nil {
		return err
	}
	l.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	version, err := d.ServerVersion()
	if err != nil {
		return err
	}
	l.served = version.GitVersion
	if version.EmulationMinor != "" && version.EmulationMinor != version.Minor {
		l.served += " as " + version.EmulationMajor + "." + version.EmulationMinor
	}
	return nil
}

func (l *loader) all(ctx context.Context, objects []*unstructured.Unstructured) error {
	var keep []*unstructured.Unstructured
	for _, o := range objects {
		if why := skip(o); why != "" {
			l.result.Skipped[why]++
			continue
		}
		keep = append(keep, o)
	}
	if err := l.prerequisites(ctx, keep); err != nil {
		return err
	}
	for _, batch := range batches(keep) {
		l.parallel(batch, func(o *unstructured.Unstructured) error { return l.one(ctx, o) })
		if err := ctx.Err(); err != nil {
			return err
		}
		if batch[0].GetKind() == "CustomResourceDefinition" {
			if err := l.waitForCRDs(ctx, batch); err != nil {
				return err
			}
		}
	}
	for _, f := range l.after {
		if err := f(ctx); err != nil {
			l.result.Failed = append(l.result.Failed, err.Error())
		}
	}
	sort.Strings(l.result.Failed)
	return nil
}

func (l *loader) parallel(objects []*unstructured.Unstructured, do func(*unstructured.Unstructured) error) {
	work := make(chan *unstructured.Unstructured)
	var wg sync.WaitGroup
	for range min(workers, len(objects)) {
		wg.Go(func() {
			for o := range work {
				kind, name := o.GetKind(), describe(o)
				err := do(o)
				l.mu.Lock()
				if err != nil {
					l.result.Failed = append(l.result.Failed, name+": "+err.Error())
				} else {
					l.result.Loaded[kind]++
				}
				l.mu.Unlock()
			}
		})
	}
	for _, o := range objects {
		work <- o
	}
	close(work)
	wg.Wait()
}

func describe(o *unstructured.Unstructured) string {
	name := o.GetName()
	if o.GetNamespace() != "" {
		name = o.GetNamespace() + "/" + name
	}
	return o.GetKind() + " " + name
}

func (l *loader) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := o.GroupVersionKind()
	mapping, err := l.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		message := fmt.Sprintf("this server (%s) does not serve %s", l.served, gvk.GroupVersion())
		if other, err := l.mapper.RESTMappings(gvk.GroupKind()); err == nil && len(other) > 0 {
			message += fmt.Sprintf("; of this kind it serves %s", other[0].GroupVersionKind.GroupVersion())
		}
		return nil, fmt.Errorf("%s", message)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace := o.GetNamespace()
		if namespace == "" {
			namespace = "default"
			o.SetNamespace(namespace)
		}
		return l.client.Resource(mapping.Resource).Namespace(namespace), nil
	}
	return l.client.Resource(mapping.Resource), nil
}

// one creates an object and gives it its status.
func (l *loader) one(ctx context.Context, o *unstructured.Unstructured) error {
	resource, err := l.resource(o)
	if err != nil {
		return err
	}
	oldUID := o.GetUID()
	claimUID, _, _ := unstructured.NestedString(o.Object, "spec", "claimRef", "uid")
	terminating := o.GetDeletionTimestamp() != nil
	grace := o.GetDeletionGracePeriodSeconds()
	l.mu.Lock()
	clean(o, l.uids)
	l.mu.Unlock()
	l.remapOwners(ctx, o)
	enforced := l.takeEnforcement(o)
	status, hasStatus := o.Object["status"]

	created, err := resource.Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = replace(ctx, resource, o)
	}
	if err != nil {
		return short(err)
	}
	l.mu.Lock()
	if oldUID != "" {
		l.uids[oldUID] = created.GetUID()
	}
	l.mu.Unlock()

	if m, ok := status.(map[string]any); hasStatus && ok && len(m) > 0 && keepsStatus(o.GetKind()) {
		created.Object["status"] = status
		_, err := resource.UpdateStatus(ctx, created, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) { // the scheduler was faster
			if created, err = resource.Get(ctx, o.GetName(), metav1.GetOptions{}); err == nil {
				created.Object["status"] = status
				_, err = resource.UpdateStatus(ctx, created, metav1.UpdateOptions{})
			}
		}
		// 404 is a kind without such a subresource.
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("created, but without its status: %w", short(err))
		}
	}
	if o.GetKind() == "PersistentVolume" && claimUID != "" {
		l.mu.Lock()
		l.after = append(l.after, func(ctx context.Context) error {
			return l.bindVolume(ctx, resource, o.GetName(), types.UID(claimUID))
		})
		l.mu.Unlock()
	}
	if enforced != nil || terminating {
		name := describe(o)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.after = append(l.after, func(ctx context.Context) error {
			var err error
			if enforced != nil {
				_, err = resource.Patch(ctx, o.GetName(), types.MergePatchType, enforced, metav1.PatchOptions{})
			}
			if err == nil && terminating {
				err = resource.Delete(ctx, o.GetName(), metav1.DeleteOptions{GracePeriodSeconds: grace})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, short(err))
			}
			return nil
		})
	}
	return nil
}

// bindVolume names the new uid of the claim that a volume is bound to. A claim
// that says it is bound, to a volume that names another uid or none, is lost
// (syncBoundClaim of the volume binding controller).
func (l *loader) bindVolume(ctx context.Context, volumes dynamic.ResourceInterface, name string, claim types.UID) error {
	uid, ok := l.uids[claim]
	if !ok {
		l.result.Notes["PersistentVolume bound to a claim that is in no file"]++
		return nil
	}
	patch := fmt.Appendf(nil, `{"spec":{"claimRef":{"uid":%q}}}`, uid)
	if _, err := volumes.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("PersistentVolume %s: %w", name, short(err))
	}
	return nil
}

// replace makes an object that is there already like the one of the file.
func replace(ctx context.Context, resource dynamic.ResourceInterface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	there, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	update := o.DeepCopy()
	update.SetResourceVersion(there.GetResourceVersion())
	update.SetUID(there.GetUID())
	// The spec of a namespace is not for us, that of a Job can't be changed.
	if o.GetKind() == "Namespace" || o.GetKind() == "Job" {
		update.Object["spec"] = there.Object["spec"]
	}
	return resource.Update(ctx, update, metav1.UpdateOptions{})
}

// remapOwners names the new owners by their new uids. An owner that is nowhere
// is left out: the garbage collector would delete the object for it.
func (l *loader) remapOwners(ctx context.Context, o *unstructured.Unstructured) {
	refs := o.GetOwnerReferences()
	if len(refs) == 0 {
		return
	}
	var kept []metav1.OwnerReference
	for _, ref := range refs {
		l.mu.Lock()
		uid, ok := l.uids[ref.UID]
		l.mu.Unlock()
		if !ok {
			uid, ok = l.findOwner(ctx, o.GetNamespace(), ref)
		}
		if !ok {
			l.mu.Lock()
			l.result.Notes[fmt.Sprintf("%s without its owner, a %s that is in no file", o.GetKind(), ref.Kind)]++
			l.mu.Unlock()
			continue
		}
		ref.UID = uid
		kept = append(kept, ref)
	}
	if len(kept) == 0 {
		unstructured.RemoveNestedField(o.Object, "metadata", "ownerReferences")
		return
	}
	o.SetOwnerReferences(kept)
}

// findOwner looks for an owner of that name in the cluster.
func (l *loader) findOwner(ctx context.Context, namespace string, ref metav1.OwnerReference) (types.UID, bool) {
	key := namespace + "/" + ref.APIVersion + "/" + ref.Kind + "/" + ref.Name
	l.mu.Lock()
	uid, known := l.owners[key]
	l.mu.Unlock()
	if known {
		return uid, uid != ""
	}
	gvk := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
	if mapping, err := l.mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err == nil {
		r := dynamic.ResourceInterface(l.client.Resource(mapping.Resource))
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			r = l.client.Resource(mapping.Resource).Namespace(namespace)
		}
		if owner, err := r.Get(ctx, ref.Name, metav1.GetOptions{}); err == nil {
			uid = owner.GetUID()
		}
	}
	l.mu.Lock()
	l.owners[key] = uid
	l.mu.Unlock()
	return uid, uid != ""
}

// takeEnforcement takes the Pod Security level that a namespace enforces off
// its labels and gives the patch that puts it back at the end: its pods were
// there before, or would not be.
func (l *loader) takeEnforcement(o *unstructured.Unstructured) []byte {
	const label = "pod-security.kubernetes.io/enforce"
	labels := o.GetLabels()
	level, ok := labels[label]
	if o.GetKind() != "Namespace" || !ok {
		return nil
	}
	delete(labels, label)
	o.SetLabels(labels)
	return fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, label, level)
}

func (l *loader) waitForCRDs(ctx context.Context, crds []*unstructured.Unstructured) error {
	for _, crd := range crds {
		resource, err := l.resource(crd)
		if err != nil {
			continue // reported already
		}
		for try := 0; ; try++ {
			there, err := resource.Get(ctx, crd.GetName(), metav1.GetOptions{})
			if err != nil {
				break // reported already
			}
			conditions, _, _ := unstructured.NestedSlice(there.Object, "status", "conditions")
			established := false
			for _, c := range conditions {
				m, _ := c.(map[string]any)
				established = established || m["type"] == "Established" && m["status"] == "True"
			}
			if established {
				break
			}
			if try > 200 {
				return fmt.Errorf("%s is not established after 10 s", describe(crd))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	// Discovery is a little behind the condition.
	time.Sleep(500 * time.Millisecond)
	return l.discover()
}

// short cuts the long list of values out of the server's messages.
func short(err error) error {
	if message := err.Error(); len(message) > 400 {
		return fmt.Errorf("%s …", message[:400])
	}
	return err
}

// Print shows the result to a person.
func (r *Result) Print(w io.Writer) {
	total := 0
	var kinds []string
	for kind, n := range r.Loaded {
		total += n
		kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
	}
	sort.Slice(kinds, func(i, j int) bool { return kindOf(kinds[i]) < kindOf(kinds[j]) })
	fmt.Fprintf(w, "%d objects loaded in %.1f s: %s\n", total, r.Took.Seconds(), strings.Join(kinds, ", "))
	for _, made := range r.Made {
		fmt.Fprintf(w, "made, since the files need it: %s\n", made)
	}
	for _, why := range sorted(r.Notes) {
		fmt.Fprintf(w, "changed: %d × %s\n", r.Notes[why], why)
	}
	for _, why := range sorted(r.Skipped) {
		fmt.Fprintf(w, "left out: %d (%s)\n", r.Skipped[why], why)
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "not loaded: %s\n", f)
	}
}

func kindOf(s string) string { return s[strings.IndexByte(s, ' ')+1:] }

func sorted(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
