package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// watchParent cancels when whoever wanted the cluster is gone: a test run that
// is killed cannot end it otherwise.
func watchParent(ctx context.Context, o Options, cancel context.CancelCauseFunc) error {
	if o.UntilStdinCloses {
		go func() {
			io.Copy(io.Discard, os.Stdin) //nolint:errcheck // any end is the end
			cancel(errors.New("the standard input has closed"))
		}()
	}
	if o.ParentPID == 0 {
		return nil
	}
	// A descriptor, not the number: numbers are given again.
	fd, err := unix.PidfdOpen(o.ParentPID, 0)
	if err != nil {
		return fmt.Errorf("the process %d of --parent-pid: %w", o.ParentPID, err)
	}
	go func() {
		defer unix.Close(fd)
		for ctx.Err() == nil {
			// Readable means ended.
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
				cancel(fmt.Errorf("the process %d of --parent-pid has ended", o.ParentPID))
				return
			}
		}
	}()
	return nil
}
