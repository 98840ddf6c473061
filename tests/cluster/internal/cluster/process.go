package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// spawner starts processes that the kernel kills when this process dies.
//
// Linux sends that signal (prctl PR_SET_PDEATHSIG) when the *thread* that
// started the child ends, not its process, and Go ends threads as it likes.
// So one goroutine that holds on to its thread for ever starts them all.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// process is a component that was started.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	// ended is closed when the process is gone; exit then says how it went.
	ended chan struct{}
	exit  string
}

func startProcess(c component) (*process, error) {
	// A file, not a pipe: a killed supervisor must not take the log with it.
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(c.program, c.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		// A group of its own: Ctrl-C in the terminal is for the supervisor.
		Setpgid: true,
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w (tests/cluster/build.sh builds the programs)", c.name, err)
	}
	p.started = time.Now()
	go func() {
		cmd.Wait() //nolint:errcheck // the state says it
		p.exit = cmd.ProcessState.String()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// end sends the signal, waits until the process is gone, and kills it if that
// takes longer than the patience.
func (p *process) end(signal syscall.Signal, patience time.Duration) {
	p.cmd.Process.Signal(signal) //nolint:errcheck // already gone is fine
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.cmd.Process.Kill() //nolint:errcheck
		<-p.ended
	}
}

// Tail gives the last lines of a log.
func Tail(file string, lines int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	data = bytes.TrimRight(data, "\n")
	at := len(data)
	for range lines {
		if at = bytes.LastIndexByte(data[:at], '\n'); at < 0 {
			return string(data)
		}
	}
	return string(data[at+1:])
}
