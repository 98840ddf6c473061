package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// managedAttach is what a kubelet writes on its node to say that volumes are
// attached by the controller; without it there are no VolumeAttachments.
const managedAttach = "volumes.kubernetes.io/controller-managed-attach-detach"

// labelNodes does what a kubelet does to its Node object beside the status,
// until ctx is done: the annotation above and the label of the host name.
//
// kwok needs that label: it never takes a node without any label for one of its
// own when it selects nodes by label (Option.filter of its pkg/utils/informer),
// though "key!=value" matches it, so the selector asks for the label.
func labelNodes(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	// By default a client sends five requests a second: the tenth node would
	// wait, and one that comes after fifty for most of a minute.
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	label := func(object any) {
		node, ok := object.(*corev1.Node)
		if !ok {
			return
		}
		_, annotated := node.Annotations[managedAttach]
		_, labelled := node.Labels[corev1.LabelHostname]
		if annotated && labelled {
			return
		}
		name := node.Labels[corev1.LabelHostname]
		if !labelled {
			name = node.Name
		}
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"},"labels":{%q:%q}}}`,
			managedAttach, corev1.LabelHostname, name)
		for range 5 {
			_, err := client.CoreV1().Nodes().Patch(ctx, node.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			if err == nil || ctx.Err() != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	_, err = factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    label,
		UpdateFunc: func(_, object any) { label(object) },
	})
	factory.Start(ctx.Done())
	return err
}
