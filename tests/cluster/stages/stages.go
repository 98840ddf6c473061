// Package stages holds what the simulated kubelets do: kwok's Stage files, one
// a step in the life of a pod or a node. Annotations of the object script it;
// the README has the table of them.
package stages

import (
	"embed"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Prefix is that of all annotations and labels which script the simulation.
const Prefix = "test.patchkit.dev/"

//go:embed *.yaml
var files embed.FS

// Names are the names of the files.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	return names
}

// Write writes the files to a directory. version is what a node that does not
// say otherwise reports as its kubelet's.
func Write(dir, version string) error {
	for _, name := range Names() {
		data, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), "KUBERNETES_VERSION", version)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
