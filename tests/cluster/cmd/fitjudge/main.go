// Fitjudge says on which nodes the scheduler would put pending pods, by running
// the scheduler's own filter plugins on objects from files, without a server.
//
//	fitjudge FILE...           verdicts as JSON, one line a case
//	fitjudge --check FILE...   compare with the verdicts that the cases hold
//
// See package judge for the forms of a FILE; "-" is the standard input.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"

	"patchkit.test/cluster/internal/judge"
)

func main() {
	check := flag.Bool("check", false, "compare with the verdicts in the cases; print the differences and a summary")
	objects := flag.Bool("with-objects", false, "print the objects of each case too, so that the output is a file of cases")
	parallel := flag.Int("parallel", runtime.NumCPU(), "cases judged at once")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: fitjudge [--check] [--with-objects] [--parallel N] FILE...   (- is the standard input)")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := &run{check: *check, objects: *objects, began: time.Now()}
	if err := r.files(ctx, flag.Args(), *parallel); err != nil {
		fmt.Fprintf(os.Stderr, "fitjudge: %v\n", err)
		os.Exit(2)
	}
	if *check {
		r.summary()
	}
	if r.differences > 0 {
		os.Exit(1)
	}
}

type run struct {
	check, objects bool
	began          time.Time

	cases, pods, pairs, differences int
}

type answer struct {
	Name    string            `json:"name"`
	Objects []json.RawMessage `json:"objects,omitempty"`
	Pods    []judge.Verdict   `json:"pods"`
}

type job struct {
	judge.Case
	verdicts []judge.Verdict
	err      error
	done     chan struct{}
}

// files judges the cases in parallel and prints them in their order.
func (r *run) files(ctx context.Context, names []string, parallel int) error {
	work := make(chan *job)
	order := make(chan *job, 4*parallel)
	var wg sync.WaitGroup
	for range max(1, parallel) {
		wg.Go(func() {
			for j := range work {
				j.verdicts, j.err = judge.Judge(ctx, j.Case)
				close(j.done)
			}
		})
	}
	var readErr error
	go func() {
		defer close(order)
		defer close(work)
		for _, name := range names {
			readErr = judge.ReadCases(name, func(c judge.Case) error {
				j := &job{Case: c, done: make(chan struct{})}
				order <- j
				work <- j
				return ctx.Err()
			})
			if readErr != nil {
				return
			}
		}
	}()
	var failed error
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for j := range order {
		<-j.done
		if j.err != nil {
			if failed == nil {
				failed = fmt.Errorf("case %s: %w", j.Name, j.err)
			}
			continue
		}
		if err := r.report(j, out); err != nil {
			return err
		}
	}
	wg.Wait()
	if readErr != nil {
		return readErr
	}
	return failed
}

func (r *run) report(j *job, out *json.Encoder) error {
	r.cases++
	for _, v := range j.verdicts {
		r.pods++
		r.pairs += len(v.Feasible) + len(v.Rejected)
	}
	if !r.check {
		a := answer{Name: j.Name, Pods: j.verdicts}
		if r.objects {
			a.Objects = j.Objects
		}
		return out.Encode(a)
	}
	for _, d := range judge.Differences(j.Pods, j.verdicts) {
		r.differences++
		fmt.Printf("%s: %s\n", j.Name, d)
	}
	return nil
}

func (r *run) summary() {
	seconds := time.Since(r.began).Seconds()
	result := "all equal"
	if r.differences > 0 {
		result = fmt.Sprintf("%d differences", r.differences)
	}
	fmt.Printf("%d cases, %d pods, %d pairs of pod and node: %s (%.1f s, %.0f pairs a second)\n",
		r.cases, r.pods, r.pairs, result, seconds, float64(r.pairs)/seconds)
}
