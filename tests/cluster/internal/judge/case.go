package judge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// Case is a cluster as a list of objects, and perhaps what is expected of it.
type Case struct {
	Name    string            `json:"name"`
	Objects []json.RawMessage `json:"objects"`
	Pods    []Verdict         `json:"pods,omitempty"`
}

// Verdict is what the scheduler says of one pending pod.
type Verdict struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// NotEvaluated says why the scheduler would not look at the pod now.
	NotEvaluated string `json:"notEvaluated,omitempty"`
	// Feasible are the names of the nodes that pass all filters, sorted.
	Feasible []string `json:"feasible"`
	// Rejected are all other nodes, by name.
	Rejected []Rejection `json:"rejected"`
}

// Rejection names the first plugin that rejects a node, in the scheduler's
// order, and its reasons.
type Rejection struct {
	Node    string `json:"node"`
	Filter  string `json:"filter"`
	Message string `json:"message"`
}

// document is any of the forms in which a file can hold objects.
type document struct {
	Case
	Cases      []Case            `json:"cases"`
	Kind       string            `json:"kind"`
	APIVersion string            `json:"apiVersion"`
	Items      []json.RawMessage `json:"items"`
}

// ReadCases gives each case of a file (or "-") to do, as it is read. A file
// holds cases {"name", "objects"}, one or many (lines, or {"cases"}); or plain
// objects and lists of them, YAML or JSON, which are one case together.
func ReadCases(name string, do func(Case) error) error {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		in = z
	}
	plain := Case{Name: name}
	each := func(raw []byte) error {
		var d document
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		switch {
		case d.Cases != nil:
			for _, c := range d.Cases {
				if err := do(c); err != nil {
					return err
				}
			}
			return nil
		case d.Objects != nil:
			return do(d.Case)
		case d.Kind == "List" || strings.HasSuffix(d.Kind, "List") && d.Items != nil:
			for _, item := range d.Items {
				plain.Objects = append(plain.Objects, withKind(item, d.APIVersion, strings.TrimSuffix(d.Kind, "List")))
			}
			return nil
		case d.Kind == "":
			return errors.New("this is neither a case nor a Kubernetes object")
		}
		plain.Objects = append(plain.Objects, raw)
		return nil
	}
	if err := documents(in, each); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if plain.Objects != nil {
		return do(plain)
	}
	return nil
}

// documents splits a stream: JSON values one after another, or YAML.
func documents(in io.Reader, do func([]byte) error) error {
	r := bufio.NewReaderSize(in, 1<<20)
	first, err := firstByte(r)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if first == '{' {
		d := json.NewDecoder(r)
		for n := 1; ; n++ {
			var raw json.RawMessage
			if err := d.Decode(&raw); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("document %d: %w", n, err)
			}
			if err := do(raw); err != nil {
				return fmt.Errorf("document %d: %w", n, err)
			}
		}
	}
	y := yaml.NewYAMLReader(r)
	for n := 1; ; n++ {
		text, err := y.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		raw, err := yaml.ToJSON(text)
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
			continue
		}
		if err := do(raw); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

func firstByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			return b, r.UnreadByte()
		}
	}
}

// withKind says of an item of a typed list what it is.
func withKind(item json.RawMessage, apiVersion, kind string) json.RawMessage {
	if kind == "" || bytes.Contains(item, []byte(`"kind":"`+kind+`"`)) {
		return item
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(item, &m) != nil || m["kind"] != nil {
		return item
	}
	m["kind"], _ = json.Marshal(kind)
	m["apiVersion"], _ = json.Marshal(apiVersion)
	out, _ := json.Marshal(m)
	return out
}
