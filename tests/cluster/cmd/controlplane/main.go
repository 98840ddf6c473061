// Controlplane is a whole Kubernetes control plane, and kubectl, in one file:
// etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
// The first argument chooses which of them this process is, so that each runs
// as a process of its own and can be killed on its own.
//
// One program and not five, because they share nearly all of their code: five
// would take four times the disk and the link time.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	_ "time/tzdata" // time zones of CronJobs, also where the machine has none

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's exec and OIDC users
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json, as in the real binaries
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // rest client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const usage = `usage: controlplane COMPONENT [FLAG...]

COMPONENT is one of: etcd, kube-apiserver, kube-controller-manager,
kube-scheduler, kubectl. A link or copy of this file that is named like a
component is that component. See COMPONENT --help for the flags.
`

func main() {
	name, args := component(os.Args)
	// Every component parses os.Args itself, and kubectl looks at its own name
	// there to print its usage.
	os.Args = append([]string{name}, args...)

	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kubectl":
		// As in cmd/kubectl: the verbosity holds while plugins are looked up too,
		// and errors are printed the way kubectl prints them.
		logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err)
		}
	case "", "help", "-h", "--help":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "controlplane: there is no component %q\n\n%s", name, usage)
		os.Exit(2)
	}
}

// component tells which component is asked for, by the name of the program or
// else by the first argument, and what is left of the arguments for it.
func component(argv []string) (string, []string) {
	if len(argv) == 0 {
		return "", nil
	}
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	switch {
	case name == "kubectl", name == "etcd", strings.HasPrefix(name, "kube-"):
		return name, argv[1:]
	case len(argv) == 1:
		return "", nil
	}
	return argv[1], argv[2:]
}
