package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/component-base/version"

	"patchkit.test/cluster/stages"
)

// startTimeout is for a machine that is busy with other things; alone, a
// cluster is there in a few seconds.
const startTimeout = 3 * time.Minute

// supervisor is the parent of all processes of a cluster.
type supervisor struct {
	ctx     context.Context
	options Options
	parts   []component
	locks   []*portLock

	mu        sync.Mutex
	state     *State
	processes map[string]*process
	// expected are the components that somebody stopped on purpose.
	expected map[string]bool
}

// Run starts the cluster of dir and keeps it until ctx is done; then nothing
// of it is left but its directory. ready is called once, when it can be used.
func Run(ctx context.Context, dir string, o Options, ready func(*State)) error {
	began := time.Now()
	s, err := prepare(dir, o)
	if err != nil {
		return err
	}
	defer s.shutdown()
	control, err := s.serveControl(ctx)
	if err != nil {
		return err
	}
	defer control.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	control.onShutdown = func() { cancel(nil) }
	if err := watchParent(ctx, o, cancel); err != nil {
		return err
	}
	s.ctx = ctx
	if err := s.boot(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.state.Ready = true
	s.state.StartupMillis = time.Since(began).Milliseconds()
	s.mu.Unlock()
	if err := s.publish(); err != nil {
		return err
	}
	ready(s.state)
	<-ctx.Done()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		fmt.Fprintf(os.Stderr, "testcluster: %v: shutting down\n", cause)
	}
	return nil
}

// prepare makes the directory's files and chooses the ports: those that it had
// before, if they are free.
func prepare(dir string, o Options) (*supervisor, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	old, err := ReadState(dir)
	if err == nil && old.Alive() {
		return nil, fmt.Errorf("the cluster in %s runs already (process %d): 'testcluster down %s' ends it", dir, old.Supervisor, dir)
	} else if err != nil {
		old = &State{}
	}
	for _, program := range []string{"controlplane", "kwok"} {
		if _, err := os.Stat(filepath.Join(o.BinDir, program)); err != nil {
			return nil, fmt.Errorf("the program %s is missing: %w (tests/cluster/build.sh OUTDIR builds it)", program, err)
		}
	}
	s := &supervisor{options: o, processes: map[string]*process{}, expected: map[string]bool{}}
	for _, sub := range []string{"logs", "stages", "etcd"} {
		if err := os.MkdirAll(path(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	var ports Ports
	for _, p := range []struct {
		port *int
		old  int
	}{{&ports.API, old.Ports.API}, {&ports.Etcd, old.Ports.Etcd}, {&ports.EtcdPeer, old.Ports.EtcdPeer}} {
		port, lock, err := reservePort(p.old)
		if err != nil {
			return nil, err
		}
		*p.port = port
		s.locks = append(s.locks, lock)
	}
	tokens, err := ensureTokens(path(dir, "tokens.csv"))
	if err != nil {
		return nil, fmt.Errorf("tokens.csv: %w", err)
	}
	s.state = &State{
		Version:         version.Get().GitVersion,
		EmulatedVersion: o.EmulatedVersion,
		Dir:             dir,
		Server:          fmt.Sprintf("https://127.0.0.1:%d", ports.API),
		Etcd:            fmt.Sprintf("http://127.0.0.1:%d", ports.Etcd),
		Kubeconfig:      path(dir, "kubeconfig"),
		CAFile:          path(dir, "pki", "ca.crt"),
		CertFile:        path(dir, "pki", "admin.crt"),
		KeyFile:         path(dir, "pki", "admin.key"),
		LogDir:          path(dir, "logs"),
		Tokens:          tokens,
		Ports:           ports,
		KwokStarts:      old.KwokStarts,
		Supervisor:      os.Getpid(),
		SupervisorStart: processStart(os.Getpid()),
	}
	if err := ensurePKI(path(dir, "pki")); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	if err := writeKubeconfig(s.state); err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if err := stages.Write(path(dir, "stages"), s.state.Version); err != nil {
		return nil, fmt.Errorf("stages: %w", err)
	}
	if o.Audit {
		policy := "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n"
		if err := os.WriteFile(path(dir, "audit-policy.yaml"), []byte(policy), 0o600); err != nil {
			return nil, err
		}
	}
	s.parts = components(s.state, &s.options)
	return s, s.publish()
}

// boot starts the components, each when what it needs is there.
func (s *supervisor) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, name := range []string{Etcd, APIServer} {
		if err := s.start(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range []string{ControllerManager, Scheduler, Kwok} {
		if !has(&s.options, name) {
			continue
		}
		if err := s.start(ctx, name); err != nil {
			return err
		}
	}
	if s.options.Kwok {
		if err := labelNodes(s.ctx, s.state.Kubeconfig); err != nil {
			return err
		}
	}
	return s.waitUsable(ctx)
}

func (s *supervisor) component(name string) (component, error) {
	for _, c := range s.parts {
		if c.name == name {
			return c, nil
		}
	}
	return component{}, fmt.Errorf("this cluster was started without %s", name)
}

// start starts a component and waits until it answers.
func (s *supervisor) start(ctx context.Context, name string) error {
	if name == Kwok && s.options.Kwok {
		s.releaseLeases(ctx)
		s.mu.Lock()
		s.state.KwokStarts++
		s.parts = components(s.state, &s.options)
		s.mu.Unlock()
	}
	c, err := s.component(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if p := s.processes[name]; p != nil && p.running() {
		s.mu.Unlock()
		return fmt.Errorf("%s runs already (process %d)", name, p.cmd.Process.Pid)
	}
	p, err := startProcess(c)
	if err == nil {
		s.processes[name] = p
		delete(s.expected, name)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	go func() {
		<-p.ended
		s.mu.Lock()
		wanted := s.expected[name]
		s.mu.Unlock()
		if !wanted {
			fmt.Fprintf(os.Stderr, "testcluster: %s ended by itself (%s); its last lines:\n%s\n", name, p.exit, Tail(c.log, 10))
		}
		s.publish() //nolint:errcheck // nobody is there to hear it
	}()
	if err := s.publish(); err != nil {
		return err
	}
	return s.waitFor(ctx, name, p)
}

// stop ends a component: SIGKILL for "kill -9", SIGTERM for a clean end.
func (s *supervisor) stop(name string, signal syscall.Signal) error {
	s.mu.Lock()
	p := s.processes[name]
	s.expected[name] = true
	s.mu.Unlock()
	if p == nil || !p.running() {
		return fmt.Errorf("%s does not run", name)
	}
	p.end(signal, 5*time.Second)
	return s.publish()
}

// shutdown kills everything at once. Nothing needs a clean end: etcd's files
// are good at any moment for as long as the machine itself goes on.
func (s *supervisor) shutdown() {
	s.mu.Lock()
	for name := range s.processes {
		s.expected[name] = true
	}
	processes := s.processes
	s.state.Ready = false
	s.mu.Unlock()
	for _, p := range processes {
		p.cmd.Process.Kill() //nolint:errcheck // already gone is fine
	}
	for _, p := range processes {
		<-p.ended
	}
	s.mu.Lock()
	s.state.Supervisor = 0
	s.mu.Unlock()
	s.publish() //nolint:errcheck // the directory may be gone already
}

// publish writes cluster.json.
func (s *supervisor) publish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Components = s.state.Components[:0]
	for _, c := range s.parts {
		status := ComponentStatus{Name: c.name, Log: c.log}
		if p := s.processes[c.name]; p != nil {
			status.PID = p.cmd.Process.Pid
			if status.Running = p.running(); !status.Running {
				status.Exit = p.exit
			}
		}
		s.state.Components = append(s.state.Components, status)
	}
	return s.state.write()
}
