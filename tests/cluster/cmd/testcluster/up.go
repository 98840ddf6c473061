package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"patchkit.test/cluster/internal/cluster"
)

// clusterFlags are those of both run and up.
func clusterFlags(flags *pflag.FlagSet, o *cluster.Options) *[]string {
	flags.StringVar(&o.BinDir, "bin-dir", "", "where the programs controlplane and kwok are (default: beside this one)")
	flags.StringVar(&o.EmulatedVersion, "emulated-version", "", "serve the APIs of this older minor, such as 1.34 (three back at most)")
	flags.StringVar(&o.RuntimeConfig, "runtime-config", "", "switch API versions on or off, such as api/beta=true")
	flags.StringVar(&o.FeatureGates, "feature-gates", "", "feature gates of all components, such as A=true,B=false")
	flags.BoolVar(&o.Kwok, "kwok", true, "simulate the kubelets")
	flags.DurationVar(&o.NodeGrace, "node-grace", 50*time.Second, "how long a node may be silent before it counts as unreachable")
	flags.BoolVar(&o.Audit, "audit", false, "write each request's metadata to logs/audit.log")
	flags.BoolVar(&o.PriorityAndFairness, "priority-and-fairness", false, "keep the API server's limits on requests")
	flags.IntVar(&o.Verbosity, "v", 0, "log level of the components")
	flags.IntVar(&o.ParentPID, "parent-pid", 0, "end the cluster when this process ends")
	return flags.StringArray("flag", nil, "one more flag of a component, such as apiserver=--enable-admission-plugins=AlwaysPullImages (repeatable)")
}

// complete fills in what the flags do not say.
func complete(o *cluster.Options, extra []string) error {
	if o.BinDir == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		o.BinDir = filepath.Dir(self)
	}
	o.ExtraFlags = map[string][]string{}
	for _, e := range extra {
		name, flag, ok := strings.Cut(e, "=")
		if !ok || !strings.HasPrefix(flag, "--") {
			return fmt.Errorf("--flag %s: want COMPONENT=--FLAG=VALUE", e)
		}
		o.ExtraFlags[name] = append(o.ExtraFlags[name], flag)
	}
	return nil
}

func runCommand() *cobra.Command {
	var o cluster.Options
	cmd := &cobra.Command{
		Use:   "run DIR",
		Short: "Run a cluster until interrupted; prints a line when it is ready",
		Args:  cobra.ExactArgs(1),
	}
	extra := clusterFlags(cmd.Flags(), &o)
	cmd.Flags().BoolVar(&o.UntilStdinCloses, "until-stdin-closes", false, "end the cluster when the standard input ends")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := complete(&o, *extra); err != nil {
			return err
		}
		return cluster.Run(cmd.Context(), args[0], o, func(s *cluster.State) {
			fmt.Printf("ready %s\n", filepath.Join(s.Dir, "cluster.json"))
		})
	}
	return cmd
}

func upCommand() *cobra.Command {
	var o cluster.Options
	cmd := &cobra.Command{
		Use:   "up DIR",
		Short: "Start a cluster in the background and wait until it is ready",
		Long: `Start a cluster in the background and wait until it is ready.

A directory that held a cluster before is started again with its data, its
users and, if they are free, its ports.`,
		Args: cobra.ExactArgs(1),
	}
	extra := clusterFlags(cmd.Flags(), &o)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := complete(&o, *extra); err != nil {
			return err
		}
		s, err := up(cmd, args[0])
		if err != nil {
			return err
		}
		version := s.Version
		if s.EmulatedVersion != "" {
			version += ", which serves the APIs of " + s.EmulatedVersion
		}
		fmt.Fprintf(cmd.OutOrStdout(), `Kubernetes %s is ready at %s after %.1f s.

  export KUBECONFIG=%s
  export PATH=%s:$PATH
  kubectl get nodes                      # none yet
  testcluster fill %[6]s --nodes 6 --pods 30
  testcluster down %[6]s
`, version, s.Server, float64(s.StartupMillis)/1000, s.Kubeconfig, filepath.Join(o.BinDir, "bin"), args[0])
		return nil
	}
	return cmd
}

// up starts this program again, as the supervisor in a session of its own, and
// waits until the cluster is ready.
func up(cmd *cobra.Command, dir string) (*cluster.State, error) {
	logs := filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(logs, "testcluster.log")
	log, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"run", dir}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, v := range values {
			args = append(args, "--"+f.Name+"="+v)
		}
	})
	child := exec.Command(self, args...)
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case <-ended:
			return nil, fmt.Errorf("the cluster did not start; the end of %s:\n%s", name, cluster.Tail(name, 20))
		case <-cmd.Context().Done():
			child.Process.Signal(syscall.SIGTERM) //nolint:errcheck // already gone is fine
			<-ended
			return nil, errors.New("interrupted; the cluster was ended again")
		case <-time.After(50 * time.Millisecond):
		}
		s, err := cluster.ReadState(dir)
		if err == nil && s.Ready && s.Supervisor == child.Process.Pid {
			return s, nil
		}
	}
}
