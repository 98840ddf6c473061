package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"patchkit.test/cluster/internal/cluster"
)

var componentArg = "COMPONENT is one of " + strings.Join(cluster.ComponentNames, ", ") + "."

func downCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "down DIR",
		Short: "End all processes of a cluster",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.ReadState(args[0])
			if err != nil {
				return err
			}
			if s.Alive() {
				if err := s.Down(cmd.Context()); err != nil {
					return err
				}
			}
			if remove {
				return os.RemoveAll(s.Dir)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&remove, "delete", false, "delete the directory too")
	return cmd
}

func statusCommand() *cobra.Command {
	var json bool
	cmd := &cobra.Command{
		Use:   "status DIR",
		Short: "Show which processes of a cluster run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.ReadState(args[0])
			if err != nil {
				return err
			}
			if json {
				fmt.Println(s.JSON())
				return nil
			}
			up := "down"
			if s.Alive() {
				up = "starting"
				if s.Ready {
					up = "up"
				}
			}
			fmt.Printf("%s  %s  %s\n", s.Dir, up, s.Server)
			w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
			for _, c := range s.Components {
				what := "not started"
				switch {
				case c.Running && s.Alive():
					what = fmt.Sprintf("process %d", c.PID)
				case c.Exit != "":
					what = "ended: " + c.Exit
				case c.PID != 0:
					what = "ended"
				}
				fmt.Fprintf(w, "%s\t%s\n", c.Name, what)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "print cluster.json")
	return cmd
}

func logsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logs DIR COMPONENT",
		Short: "Print a component's log",
		Long:  "Print a component's log. " + componentArg + "\nAlso: testcluster (the supervisor itself), audit.",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.ReadState(args[0])
			if err != nil {
				return err
			}
			f, err := os.Open(filepath.Join(s.LogDir, filepath.Base(args[1])+".log"))
			if err != nil {
				return fmt.Errorf("%w (%s)", err, componentArg)
			}
			defer f.Close()
			_, err = io.Copy(os.Stdout, f)
			return err
		},
	}
}

func killCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kill DIR COMPONENT",
		Short: "End a component with SIGKILL; 'start' brings it back",
		Long:  "End a component with SIGKILL; 'start' brings it back. " + componentArg,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.ReadState(args[0])
			if err != nil {
				return err
			}
			return s.Kill(cmd.Context(), args[1])
		},
	}
}

func startCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "start DIR COMPONENT",
		Short: "Start a component that was killed, on the same ports and data",
		Long:  "Start a component that was killed, on the same ports and data. " + componentArg,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.ReadState(args[0])
			if err != nil {
				return err
			}
			began := time.Now()
			if err := s.Start(cmd.Context(), args[1]); err != nil {
				return err
			}
			fmt.Printf("%s is back after %.1f s\n", args[1], time.Since(began).Seconds())
			return nil
		},
	}
}
