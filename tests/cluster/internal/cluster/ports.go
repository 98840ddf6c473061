package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Ports are taken below the range from which the kernel takes the ports of
// outgoing connections (32768 and up): a component that was killed must find
// its port still free when it is started again.
const (
	firstPort = 20000
	lastPort  = 32000
)

// portLock holds a port for this process, until the process ends.
type portLock struct{ file *os.File }

// reservePort finds a free port and keeps other clusters of this machine from
// taking it, with a lock on a file of that name. preferred (if not 0) is tried
// first: the port that this cluster had before.
func reservePort(preferred int) (int, *portLock, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("patchkit-testcluster-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, nil, err
	}
	for try := range 500 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if try == 0 && preferred != 0 {
			port = preferred
		}
		file, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(port)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, nil, err
		}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && portIsFree(port) {
			return port, &portLock{file}, nil
		}
		file.Close()
	}
	return 0, nil, errors.New("no free TCP port was found on 127.0.0.1")
}

func portIsFree(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
