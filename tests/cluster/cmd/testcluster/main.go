// Testcluster starts, fills, breaks and ends whole Kubernetes clusters on this
// machine, for tests and trials. See the README beside go.mod.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// SIGHUP too: a closed terminal ends a cluster that runs in it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := &cobra.Command{
		Use:           "testcluster",
		Short:         "A whole Kubernetes control plane on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(), upCommand(), downCommand(), statusCommand(), logsCommand(),
		killCommand(), startCommand(), loadCommand(), fillCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "testcluster: %v\n", err)
		stop()
		os.Exit(1)
	}
}
