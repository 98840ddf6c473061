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

// labelNodes gives a node that has no label at all the one of its host name, as
// a kubelet does; until ctx is done.
//
// Only those: a test may want a node without some label. But kwok never takes a
// node without any label for one of its own when it selects nodes by label
// (Option.filter of its pkg/utils/informer), though "key!=value" matches it.
func labelNodes(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	label := func(object any) {
		node, ok := object.(*corev1.Node)
		if !ok || len(node.Labels) != 0 {
			return
		}
		patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, corev1.LabelHostname, node.Name)
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
