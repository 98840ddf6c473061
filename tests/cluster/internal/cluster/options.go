package cluster

import "time"

// Options are what a cluster can be asked for.
type Options struct {
	// BinDir holds the programs controlplane and kwok.
	BinDir string
	// EmulatedVersion is an older minor ("1.34") whose APIs are served.
	EmulatedVersion string
	// RuntimeConfig switches API versions on and off ("api/beta=true").
	RuntimeConfig string
	// FeatureGates are given to all components.
	FeatureGates string
	// Kwok says whether kubelets are simulated; without it, nodes and pods
	// keep the status that somebody else gives them.
	Kwok bool
	// NodeGrace is how long a node may be silent before the node controller
	// calls it unknown; Kubernetes' own default is 50 seconds.
	NodeGrace time.Duration
	// Audit writes every request's metadata to logs/audit.log.
	Audit bool
	// PriorityAndFairness leaves the API server's own limits on requests in
	// place; without it there are none, which is what load tests need.
	PriorityAndFairness bool
	// Verbosity is klog's -v of all components.
	Verbosity int
	// ExtraFlags are appended to a component's own flags, by component.
	ExtraFlags map[string][]string

	// UntilStdinCloses ends the cluster when the standard input ends: the pipe
	// of a parent that died closes.
	UntilStdinCloses bool
	// ParentPID ends the cluster when this process ends (0: none).
	ParentPID int
}

// DefaultOptions are those of a cluster with simulated kubelets.
func DefaultOptions() Options {
	return Options{Kwok: true, NodeGrace: 50 * time.Second, ExtraFlags: map[string][]string{}}
}
