package judge

import (
	"fmt"
	"reflect"
	"strings"
)

// Differences compares a verdict with the one expected, in words; empty if they
// are equal.
func Differences(want, got []Verdict) []string {
	var out []string
	byName := map[string]Verdict{}
	for _, v := range got {
		byName[v.Namespace+"/"+v.Name] = v
	}
	for _, w := range want {
		name := w.Namespace + "/" + w.Name
		g, ok := byName[name]
		if !ok {
			out = append(out, name+": expected, and no pending pod")
			continue
		}
		delete(byName, name)
		if g.NotEvaluated != w.NotEvaluated {
			out = append(out, fmt.Sprintf("%s: not evaluated: want %q, got %q", name, w.NotEvaluated, g.NotEvaluated))
		}
		a, b := outcomes(w), outcomes(g)
		for node := range union(a, b) {
			if !reflect.DeepEqual(a[node], b[node]) {
				out = append(out, fmt.Sprintf("%s on %s: want %s, got %s", name, node, a[node], b[node]))
			}
		}
	}
	for name := range byName {
		out = append(out, name+": a pending pod that was not expected")
	}
	return out
}

func outcomes(v Verdict) map[string]string {
	m := map[string]string{}
	for _, n := range v.Feasible {
		m[n] += "feasible"
	}
	for _, r := range v.Rejected {
		m[r.Node] += strings.Join([]string{r.Filter, r.Message}, ": ")
	}
	return m
}

func union(a, b map[string]string) map[string]bool {
	m := map[string]bool{}
	for k := range a {
		m[k] = true
	}
	for k := range b {
		m[k] = true
	}
	return m
}
