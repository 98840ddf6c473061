package load

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"patchkit.test/cluster/stages"
)

// skip tells why an object is not loaded at all; empty if it is.
func skip(o *unstructured.Unstructured) string {
	switch {
	case o.GetKind() == "Lease" && o.GetNamespace() == "kube-node-lease":
		return "heartbeats of nodes, which the simulated kubelets send"
	case o.GetKind() == "Lease" && strings.HasPrefix(o.GetName(), "apiserver-"):
		return "identities of API servers"
	case o.GetKind() == "ConfigMap" && o.GetName() == "kube-root-ca.crt":
		return "the certificate authority of the other cluster"
	case o.GetNamespace() == "default" && o.GetName() == "kubernetes" &&
		(o.GetKind() == "Service" || o.GetKind() == "Endpoints" || o.GetKind() == "EndpointSlice"):
		return "the address of the other API server"
	case o.GetKind() == "ComponentStatus", o.GetKind() == "NodeMetrics", o.GetKind() == "PodMetrics":
		return "computed by the server, never stored"
	case o.GetKind() == "Event":
		return "events, which belong to objects of the other cluster"
	}
	return ""
}

// Labels that hold the uid of the owner: those of a Job's pods.
var uidLabels = []string{"controller-uid", "batch.kubernetes.io/controller-uid"}

// clean takes away what only the server may set, and what is true in the other
// cluster alone.
func clean(o *unstructured.Unstructured, uids map[types.UID]types.UID) {
	for _, field := range []string{"uid", "resourceVersion", "managedFields", "selfLink", "creationTimestamp",
		"generation", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	labels := o.GetLabels()
	for _, name := range uidLabels {
		if uid, ok := uids[types.UID(labels[name])]; ok {
			labels[name] = string(uid)
			o.SetLabels(labels)
		}
	}
	remove := func(path ...string) { unstructured.RemoveNestedField(o.Object, path...) }
	switch o.GetKind() {
	case "Namespace":
		remove("spec")
	case "Service":
		// The address may be outside of this cluster's range.
		if ip, _, _ := unstructured.NestedString(o.Object, "spec", "clusterIP"); ip != "None" {
			remove("spec", "clusterIP")
			remove("spec", "clusterIPs")
		}
		remove("spec", "healthCheckNodePort")
	case "PersistentVolume":
		// The new uid is written once the claim is there, see bindVolume.
		remove("spec", "claimRef", "uid")
		remove("spec", "claimRef", "resourceVersion")
	case "Job":
		// The server makes selector and labels from the new uid.
		if manual, _, _ := unstructured.NestedBool(o.Object, "spec", "manualSelector"); !manual {
			remove("spec", "selector")
			for _, name := range uidLabels {
				remove("metadata", "labels", name)
				remove("spec", "template", "metadata", "labels", name)
			}
		}
	case "Node":
		// A node that has been silent stays so.
		if readyStatus(o) == "Unknown" {
			labels := o.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			labels[stages.Prefix+"kubelet"] = "stopped"
			o.SetLabels(labels)
		}
	case "Secret":
		annotations := o.GetAnnotations()
		if uid, ok := uids[types.UID(annotations["kubernetes.io/service-account.uid"])]; ok {
			annotations["kubernetes.io/service-account.uid"] = string(uid)
			o.SetAnnotations(annotations)
		}
	}
}

func readyStatus(o *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Ready" {
			s, _ := m["status"].(string)
			return s
		}
	}
	return ""
}

// keepsStatus tells whether the status of the file is written. That of these
// kinds is about the server itself, which would believe it.
func keepsStatus(kind string) bool {
	switch kind {
	case "CustomResourceDefinition", "APIService", "Namespace":
		return false
	}
	return true
}
