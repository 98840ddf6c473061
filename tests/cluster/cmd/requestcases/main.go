// Command requestcases prints random pods with what Kubernetes' own code says of their requests, quality-of-service
// class and defaults: the cases of src/rules/testdata/pod_requests.jsonl.
//
//	go run ./cmd/requestcases > ../../src/rules/testdata/pod_requests.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	helpers "k8s.io/component-helpers/resource"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/v1/helper/qos"
	"k8s.io/kubernetes/pkg/features"
)

type status struct {
	Name      string          `json:"name"`
	Allocated v1.ResourceList `json:"allocated,omitempty"`
	Actual    v1.ResourceList `json:"actual,omitempty"`
}

type testCase struct {
	Spec       v1.PodSpec              `json:"spec"`
	Statuses   []status                `json:"statuses,omitempty"`
	Actual     *v1.ResourceList        `json:"actual,omitempty"`
	Allocated  v1.ResourceList         `json:"allocated,omitempty"`
	Infeasible bool                    `json:"infeasible,omitempty"`
	New        v1.ResourceList         `json:"new"`
	Placed     v1.ResourceList         `json:"placed"`
	QOS        v1.PodQOSClass          `json:"qos"`
	Defaulted  v1.ResourceRequirements `json:"defaulted"`
}

var (
	names   = []v1.ResourceName{v1.ResourceCPU, v1.ResourceMemory, "hugepages-2Mi", "example.com/gpu"}
	amounts = []string{"0", "1", "2", "2500m", "4", "4Mi", "1Gi"}
)

// list gives each resource an amount with this probability.
func list(r *rand.Rand, probability float64) v1.ResourceList {
	var resources v1.ResourceList
	for _, name := range names {
		if r.Float64() < probability {
			if resources == nil {
				resources = v1.ResourceList{}
			}
			resources[name] = resource.MustParse(amounts[r.Intn(len(amounts))])
		}
	}
	return resources
}

func requirements(r *rand.Rand) v1.ResourceRequirements {
	requests := list(r, 0.5)
	limits := list(r, 0.3)
	if r.Intn(4) == 0 {
		limits = requests.DeepCopy()
	}
	return v1.ResourceRequirements{Requests: requests, Limits: limits}
}

func containers(r *rand.Rand, prefix string, count int, sidecars bool) []v1.Container {
	var all []v1.Container
	for i := range count {
		container := v1.Container{Name: fmt.Sprintf("%s%d", prefix, i), Resources: requirements(r)}
		if always := v1.ContainerRestartPolicyAlways; sidecars && r.Intn(2) == 0 {
			container.RestartPolicy = &always
		}
		all = append(all, container)
	}
	return all
}

func pod(r *rand.Rand) *v1.Pod {
	pod := &v1.Pod{}
	pod.Spec.Containers = containers(r, "c", 1+r.Intn(2), false)
	pod.Spec.InitContainers = containers(r, "i", r.Intn(4), true)
	if r.Intn(3) == 0 {
		pod.Spec.Overhead = list(r, 0.4)
	}
	if r.Intn(2) == 0 {
		pod.Spec.Resources = &v1.ResourceRequirements{Requests: list(r, 0.4), Limits: list(r, 0.4)}
	}
	for _, container := range pod.Spec.Containers {
		if r.Intn(2) == 0 {
			found := v1.ContainerStatus{Name: container.Name, AllocatedResources: list(r, 0.5)}
			if requests := list(r, 0.5); requests != nil {
				found.Resources = &v1.ResourceRequirements{Requests: requests}
			}
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, found)
		}
	}
	for _, container := range pod.Spec.InitContainers {
		if r.Intn(2) == 0 {
			found := v1.ContainerStatus{Name: container.Name, AllocatedResources: list(r, 0.5)}
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, found)
		}
	}
	if r.Intn(3) == 0 {
		pod.Status.Resources = &v1.ResourceRequirements{Requests: list(r, 0.6)}
	}
	if r.Intn(3) == 0 {
		pod.Status.AllocatedResources = list(r, 0.6)
	}
	if r.Intn(3) == 0 {
		reason := []string{v1.PodReasonInfeasible, v1.PodReasonDeferred}[r.Intn(2)]
		pod.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: reason}}
	}
	return pod
}

func describe(pod *v1.Pod) testCase {
	found := testCase{
		Spec:       *pod.Spec.DeepCopy(),
		Infeasible: helpers.IsPodResizeInfeasible(pod),
		Allocated:  pod.Status.AllocatedResources,
		New:        helpers.PodRequests(pod, helpers.PodResourcesOptions{}),
		Placed: helpers.PodRequests(pod, helpers.PodResourcesOptions{
			UseStatusResources: true,
			InPlacePodLevelResourcesVerticalScalingEnabled: true,
		}),
		QOS: qos.ComputePodQOS(pod),
	}
	if pod.Status.Resources != nil {
		found.Actual = &pod.Status.Resources.Requests
		if *found.Actual == nil {
			found.Actual = &v1.ResourceList{}
		}
	}
	for _, one := range append(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses...) {
		entry := status{Name: one.Name, Allocated: one.AllocatedResources}
		if one.Resources != nil {
			entry.Actual = one.Resources.Requests
		}
		found.Statuses = append(found.Statuses, entry)
	}
	admitted := pod.DeepCopy()
	defaults.SetDefaults_Pod(admitted)
	if admitted.Spec.Resources != nil {
		found.Defaulted = *admitted.Spec.Resources
	}
	return found
}

func main() {
	count := flag.Int("count", 60, "how many cases")
	seed := flag.Int64("seed", 1, "of the random pods")
	flag.Parse()
	// With this gate the same defaults are filled in later, out of reach of SetDefaults_Pod.
	gates := map[string]bool{string(features.PodLevelResourcesFixDefaulting): false}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(gates); err != nil {
		log.Fatal(err)
	}
	r := rand.New(rand.NewSource(*seed))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "# Made by tests/cluster/cmd/requestcases from the code of Kubernetes 1.37.2.")
	encoder := json.NewEncoder(out)
	for range *count {
		if err := encoder.Encode(describe(pod(r))); err != nil {
			log.Fatal(err)
		}
	}
}
