package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// controlServer is how the other commands reach the supervisor: only it may
// signal its children, and only it knows when one is really gone.
type controlServer struct {
	*http.Server
	onShutdown func()
}

func (s *supervisor) serveControl(ctx context.Context) (*controlServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.state.Control = Control{URL: "http://" + listener.Addr().String(), Token: randomToken()}
	token := s.state.Control.Token
	s.mu.Unlock()

	c := &controlServer{onShutdown: func() {}}
	mux := http.NewServeMux()
	action := func(do func(ctx context.Context, name string) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			name, err := checkName(r.PathValue("component"))
			if err == nil {
				_, err = s.component(name)
			}
			if err == nil {
				err = do(r.Context(), name)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		}
	}
	mux.HandleFunc("POST /kill/{component}", action(func(_ context.Context, name string) error {
		return s.stop(name, syscall.SIGKILL)
	}))
	mux.HandleFunc("POST /stop/{component}", action(func(_ context.Context, name string) error {
		return s.stop(name, syscall.SIGTERM)
	}))
	mux.HandleFunc("POST /start/{component}", action(s.start))
	mux.HandleFunc("POST /shutdown", func(w http.ResponseWriter, _ *http.Request) {
		// The answer first: afterwards there is no process to send it.
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush() //nolint:errcheck // who asked looks for the end anyway
		c.onShutdown()
	})

	c.Server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+token {
				http.Error(w, "cluster.json has the token", http.StatusForbidden)
				return
			}
			mux.ServeHTTP(w, r)
		}),
	}
	go c.Serve(listener) //nolint:errcheck // ends with the supervisor
	return c, s.publish()
}

func (s *State) command(ctx context.Context, what string) error {
	if !s.Alive() {
		return fmt.Errorf("the cluster in %s is down: 'testcluster up %s' starts it", s.Dir, s.Dir)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Control.URL+"/"+what, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.Control.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(body)))
	}
	return err
}

// Kill ends a component with SIGKILL and returns when it is gone.
func (s *State) Kill(ctx context.Context, component string) error {
	return s.command(ctx, "kill/"+component)
}

// Stop ends a component with SIGTERM and returns when it is gone.
func (s *State) Stop(ctx context.Context, component string) error {
	return s.command(ctx, "stop/"+component)
}

// Start starts a component that was stopped, on the same ports and data.
func (s *State) Start(ctx context.Context, component string) error {
	return s.command(ctx, "start/"+component)
}

// Down ends the cluster and returns when all of its processes are gone.
func (s *State) Down(ctx context.Context) error {
	// The connection may end with the supervisor; whether it has ended is seen
	// below.
	if err := s.command(ctx, "shutdown"); err != nil && s.Alive() && !errors.Is(err, io.EOF) {
		return err
	}
	for s.Alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the supervisor (process %d) does not end: %w", s.Supervisor, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// JSON renders the state for people and programs.
func (s *State) JSON() string {
	data, _ := json.MarshalIndent(s, "", "  ")
	return string(data)
}
