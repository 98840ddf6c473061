package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// State is the content of cluster.json: all that a test needs to know to use a
// cluster. The supervisor is its only writer.
type State struct {
	// Ready is true once pods can be created, and false again after the end.
	Ready bool `json:"ready"`
	// Version is what the control plane was built from, EmulatedVersion the
	// older minor whose APIs it serves (empty: its own).
	Version         string `json:"version"`
	EmulatedVersion string `json:"emulatedVersion,omitempty"`

	Dir        string `json:"dir"`
	Server     string `json:"server"`
	Etcd       string `json:"etcd"`
	Kubeconfig string `json:"kubeconfig"`
	CAFile     string `json:"caFile"`
	CertFile   string `json:"adminCertFile"`
	KeyFile    string `json:"adminKeyFile"`
	LogDir     string `json:"logDir"`

	// Tokens are the bearer tokens by user name.
	Tokens map[string]string `json:"tokens"`
	Ports  Ports             `json:"ports"`
	// Control is how the other commands talk to the supervisor.
	Control Control `json:"control"`

	// Supervisor is the supervisor's process id; 0 when the cluster is down.
	Supervisor int `json:"supervisorPid"`
	// SupervisorStart tells it from a later process of the same number.
	SupervisorStart string            `json:"supervisorStart"`
	Components      []ComponentStatus `json:"components"`
	// KwokStarts counts how often kwok was started, see podRange.
	KwokStarts int `json:"kwokStarts"`
	// StartupMillis is the time from the start until Ready.
	StartupMillis int64 `json:"startupMillis,omitempty"`
}

// Ports are the TCP ports on 127.0.0.1.
type Ports struct {
	API      int `json:"api"`
	Etcd     int `json:"etcd"`
	EtcdPeer int `json:"etcdPeer"`
}

// Control is the address of the supervisor's small HTTP API, on 127.0.0.1.
type Control struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// ComponentStatus tells whether a component runs.
type ComponentStatus struct {
	Name    string `json:"name"`
	PID     int    `json:"pid,omitempty"`
	Running bool   `json:"running"`
	// Exit says how the last process ended, if it did.
	Exit string `json:"exit,omitempty"`
	Log  string `json:"log"`
}

func path(dir string, name ...string) string {
	return filepath.Join(append([]string{dir}, name...)...)
}

// ReadState reads the cluster.json of dir. The error says what to do when
// there is none.
func ReadState(dir string) (*State, error) {
	data, err := os.ReadFile(path(dir, "cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no cluster in %s: start one with 'testcluster up %s'", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &State{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path(dir, "cluster.json"), err)
	}
	return s, nil
}

// write replaces cluster.json at once, so that a reader never sees half of it.
func (s *State) write() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	name := path(s.Dir, "cluster.json")
	// It holds tokens: for the owner only.
	if err := os.WriteFile(name+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// Alive tells whether the supervisor of this state still runs.
func (s *State) Alive() bool {
	return s.Supervisor > 0 && processStart(s.Supervisor) == s.SupervisorStart
}

// processStart gives the time at which a process was started, in the kernel's
// own unit; it is empty for one that has ended, also where nobody has asked
// yet how it ended. See proc_pid_stat(5).
func processStart(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is a name in parentheses that may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const state, startTime = 3 - 3, 22 - 3
	if len(fields) <= startTime || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[startTime]
}
