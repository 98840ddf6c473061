package load

import (
	"sort"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// ranks say what is created first. What refuses or changes other objects comes
// last: in the cluster that the files were taken from, it met objects that were
// there before it.
var ranks = map[string]int{
	"Namespace":                1,
	"CustomResourceDefinition": 2,

	"PriorityClass": 3, "RuntimeClass": 3, "StorageClass": 3, "CSIDriver": 3, "IngressClass": 3,
	"VolumeAttributesClass": 3,

	"Node": 4, "ClusterRole": 4, "Role": 4, "ServiceAccount": 4, "PersistentVolume": 4,
	"CSINode": 5, "CSIStorageCapacity": 5, "ClusterRoleBinding": 5, "RoleBinding": 5,

	"ConfigMap": 6, "Secret": 6, "PersistentVolumeClaim": 6, "Service": 6, "PodDisruptionBudget": 6,

	// 7: all others. Pods come after what owns them.
	"Pod":              8,
	"VolumeAttachment": 8,

	"LimitRange": 10, "ResourceQuota": 10,
	"ValidatingWebhookConfiguration": 11, "MutatingWebhookConfiguration": 11,
	"ValidatingAdmissionPolicy": 11, "MutatingAdmissionPolicy": 11,
	"ValidatingAdmissionPolicyBinding": 12, "MutatingAdmissionPolicyBinding": 12,
	"APIService": 12,
}

const otherRank = 7

// batches puts the objects in the order of their creation; those of one batch
// can be created in parallel. An object comes after its owners, whose uid in
// this cluster it must name.
func batches(objects []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	byUID := map[types.UID]*unstructured.Unstructured{}
	for _, o := range objects {
		if o.GetUID() != "" {
			byUID[o.GetUID()] = o
		}
	}
	type key struct{ rank, depth int }
	keys := map[*unstructured.Unstructured]key{}
	var place func(o *unstructured.Unstructured, trail int) key
	place = func(o *unstructured.Unstructured, trail int) key {
		if k, ok := keys[o]; ok {
			return k
		}
		rank, known := ranks[o.GetKind()]
		if !known {
			rank = otherRank
		}
		k := key{rank: rank}
		for _, ref := range o.GetOwnerReferences() {
			// Owners that go round in a circle would never end.
			owner := byUID[ref.UID]
			if owner == nil || trail > 20 {
				continue
			}
			above := place(owner, trail+1)
			if above.rank > k.rank {
				k = key{rank: above.rank, depth: above.depth + 1}
			} else if above.rank == k.rank {
				k.depth = max(k.depth, above.depth+1)
			}
		}
		keys[o] = k
		return k
	}
	groups := map[key][]*unstructured.Unstructured{}
	for _, o := range objects {
		k := place(o, 0)
		groups[k] = append(groups[k], o)
	}
	var order []key
	for k := range groups {
		order = append(order, k)
	}
	sort.Slice(order, func(i, j int) bool {
		if order[i].rank != order[j].rank {
			return order[i].rank < order[j].rank
		}
		return order[i].depth < order[j].depth
	})
	var out [][]*unstructured.Unstructured
	for _, k := range order {
		out = append(out, groups[k])
	}
	return out
}
