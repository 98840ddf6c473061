package load

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// prerequisites makes what the server asks for before it takes the objects and
// what is in no file: namespaces, the service accounts of pods (their controller
// does not run now), and priority classes.
func (l *loader) prerequisites(ctx context.Context, objects []*unstructured.Unstructured) error {
	given := map[string]bool{}
	for _, o := range objects {
		given[describe(o)] = true
	}
	asked := map[string]bool{}
	need := func(o *unstructured.Unstructured, quiet bool) error {
		name := describe(o)
		if asked[name] || given[name] {
			return nil
		}
		asked[name] = true
		resource, err := l.resource(o)
		if err != nil {
			return err
		}
		_, err = resource.Create(ctx, o, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !quiet {
			l.result.Made = append(l.result.Made, name)
		}
		return nil
	}
	for _, o := range objects {
		namespace := o.GetNamespace()
		if namespace == "" {
			continue
		}
		if !given["Namespace "+namespace] {
			if err := need(object("v1", "Namespace", "", namespace), false); err != nil {
				return err
			}
		}
	}
	// Namespaces of the files first, since service accounts live in them.
	for _, o := range objects {
		if o.GetKind() != "Pod" {
			continue
		}
		account, _, _ := unstructured.NestedString(o.Object, "spec", "serviceAccountName")
		if account == "" {
			account = "default"
		}
		namespace := o.GetNamespace()
		if namespace == "" {
			namespace = "default"
		}
		if given["Namespace "+namespace] {
			// Loaded later with its labels; only its name is needed now.
			ns := object("v1", "Namespace", "", namespace)
			resource, err := l.resource(ns)
			if err != nil {
				return err
			}
			if !asked["Namespace "+namespace] {
				asked["Namespace "+namespace] = true
				if _, err := resource.Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
					return err
				}
			}
		}
		if err := need(object("v1", "ServiceAccount", namespace, account), account == "default"); err != nil {
			return err
		}
		class, _, _ := unstructured.NestedString(o.Object, "spec", "priorityClassName")
		if class != "" && class != "system-node-critical" && class != "system-cluster-critical" {
			priority, _, _ := unstructured.NestedInt64(o.Object, "spec", "priority")
			pc := object("scheduling.k8s.io/v1", "PriorityClass", "", class)
			pc.Object["value"] = priority
			if err := need(pc, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetName(name)
	if namespace != "" {
		o.SetNamespace(namespace)
	}
	return o
}
