package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// waitFor waits until the component answers. The controllers, the scheduler
// and kwok have no port here, so for them to run is all that can be seen.
func (s *supervisor) waitFor(ctx context.Context, name string, p *process) error {
	switch name {
	case Etcd:
		u, err := url.Parse(s.state.Etcd)
		if err != nil {
			return err
		}
		return s.poll(ctx, name, p, func() error {
			conn, err := net.DialTimeout("tcp", u.Host, time.Second)
			if err == nil {
				conn.Close()
			}
			return err
		})
	case APIServer:
		return s.poll(ctx, name, p, func() error { return s.request(ctx, http.MethodGet, "/readyz") })
	}
	return nil
}

// waitUsable waits until a pod can be created: the controller of service
// accounts must have made the one of the default namespace.
func (s *supervisor) waitUsable(ctx context.Context) error {
	s.mu.Lock()
	p := s.processes[ControllerManager]
	s.mu.Unlock()
	return s.poll(ctx, ControllerManager, p, func() error {
		return s.request(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default")
	})
}

func (s *supervisor) poll(ctx context.Context, name string, p *process, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended while it was starting (%s); the end of its log %s:\n%s",
				name, p.exit, path(s.state.LogDir, name+".log"), Tail(path(s.state.LogDir, name+".log"), 15))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (last answer: %w); its log is %s",
				name, context.Cause(ctx), err, path(s.state.LogDir, name+".log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// releaseLeases deletes the heartbeats of the nodes. Each new kwok is somebody
// else to the lease of a node, and would leave the node and its pods alone until
// the lease of the one before has run out.
func (s *supervisor) releaseLeases(ctx context.Context) {
	// Without an API server there is nobody to tell, and kwok waits itself.
	s.request(ctx, http.MethodDelete, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases") //nolint:errcheck
}

// request asks the API server as the administrator.
func (s *supervisor) request(ctx context.Context, method, path string) error {
	ca, err := os.ReadFile(s.state.CAFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool},
			DisableKeepAlives: true,
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, s.state.Server+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.state.Tokens["admin"])
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return nil
}
