package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"patchkit.test/cluster/internal/cluster"
	"patchkit.test/cluster/internal/fill"
	"patchkit.test/cluster/internal/load"
)

// connect gives the cluster of dir and an administrator's access to it, as fast
// as it can be used.
func connect(dir string) (*cluster.State, *rest.Config, error) {
	s, err := cluster.ReadState(dir)
	if err != nil {
		return nil, nil, err
	}
	if !s.Alive() {
		return nil, nil, fmt.Errorf("the cluster in %s is down: 'testcluster up %s' starts it", dir, dir)
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.QPS = -1
	// Deprecated APIs are what some tests are about.
	config.WarningHandler = rest.NoWarnings{}
	return s, config, nil
}

func loadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "load DIR FILE...",
		Short: "Bring the objects of files to life, with their statuses",
		Long: `Bring the objects of files to life, with their statuses.

A FILE is YAML or JSON (also .gz), holds objects or lists of them, such as
'kubectl get -o json' prints, or is a directory of such files, or "-". Owner
references are made to name the new owners, pods stay on their nodes. What an
API server does not let anybody set is new: uids and creation times.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			state, config, err := connect(args[0])
			if err != nil {
				return err
			}
			objects, err := load.Read(args[1:])
			if err != nil {
				return err
			}
			result, err := load.Load(cmd.Context(), state, config, objects)
			if result != nil {
				result.Print(os.Stdout)
			}
			if err == nil && len(result.Failed) > 0 {
				return fmt.Errorf("%d objects were not loaded, see above", len(result.Failed))
			}
			return err
		},
	}
}

func fillCommand() *cobra.Command {
	var o fill.Options
	cmd := &cobra.Command{
		Use:   "fill DIR",
		Short: "Make nodes and Deployments by the hundred and wait until they are ready",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, config, err := connect(args[0])
			if err != nil {
				return err
			}
			return fill.Fill(cmd.Context(), config, o, os.Stdout)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Nodes, "nodes", 6, "nodes")
	f.IntVar(&o.Pods, "pods", 30, "pods, over all Deployments")
	f.IntVar(&o.Zones, "zones", 3, "zones")
	f.IntVar(&o.Pools, "pools", 2, "node pools")
	f.IntVar(&o.Deployments, "deployments", 0, "Deployments (default: one for 25 pods)")
	f.IntVar(&o.Namespaces, "namespaces", 10, "namespaces")
	f.StringVar(&o.CPU, "cpu", "8", "CPUs of a node")
	f.StringVar(&o.Memory, "memory", "32Gi", "memory of a node")
	f.StringVar(&o.PoolLabel, "pool-label", "node.kubernetes.io/pool", "label that names a node's pool")
	f.StringVar(&o.KubeletVersion, "kubelet-version", "", "kubelet's version of the nodes (default: the server's)")
	f.StringVar(&o.Prefix, "prefix", "", "start of all names, to fill a cluster again")
	f.StringSliceVar(&o.Spread, "spread", nil, "topology keys over which each Deployment is spread strictly")
	f.BoolVar(&o.Budgets, "budgets", true, "give each Deployment a PodDisruptionBudget of one unavailable")
	f.StringVar(&o.ReadyAfter, "ready-after", "", "time until a pod is ready, such as 3s")
	f.StringVar(&o.EndAfter, "end-after", "", "time until a pod that is deleted has ended, such as 2s, or grace")
	f.Int64Var(&o.Grace, "grace", 30, "grace period of the pods in seconds")
	f.DurationVar(&o.Timeout, "timeout", 10*time.Minute, "give up after that time")
	return cmd
}
