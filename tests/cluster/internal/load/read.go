package load

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Read reads the objects of files, of directories (recursively, *.json, *.yaml
// and *.yml, each also with .gz) and of the standard input ("-"). Documents may
// be single objects or lists of them.
func Read(names []string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, name := range names {
		err := eachFile(name, func(file string) error {
			found, err := readFile(file)
			objects = append(objects, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return objects, nil
}

func eachFile(name string, do func(string) error) error {
	if name == "-" {
		return do(name)
	}
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		if err != nil {
			return err
		}
		return do(name)
	}
	return filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(strings.TrimSuffix(path, ".gz")) {
		case ".json", ".yaml", ".yml":
			return do(path)
		}
		return nil
	})
}

func readFile(name string) ([]*unstructured.Unstructured, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		in = z
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bufio.NewReaderSize(in, 1<<20), 4096)
	var objects []*unstructured.Unstructured
	for n := 1; ; n++ {
		var content map[string]any
		err := decoder.Decode(&content)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s, document %d: %w", name, n, err)
		}
		if len(content) == 0 {
			continue // between two "---"
		}
		if isVersion(content) {
			continue // a sample tells its server's version so, and this server has its own
		}
		found, err := expand(content)
		if err != nil {
			return nil, fmt.Errorf("%s, document %d: %w", name, n, err)
		}
		objects = append(objects, found...)
	}
}

// isVersion says whether this is what `kubectl version -o json` prints.
func isVersion(content map[string]any) bool {
	_, client := content["clientVersion"]
	_, server := content["serverVersion"]
	return (client || server) && content["kind"] == nil
}

// expand gives the items of a list, or the object itself. The items of a typed
// list may leave out what they are: the list says it.
func expand(content map[string]any) ([]*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{Object: content}
	items, isList := content["items"].([]any)
	if !isList || !strings.HasSuffix(o.GetKind(), "List") {
		if o.GetKind() == "" || o.GetAPIVersion() == "" {
			return nil, errors.New("this is no Kubernetes object: it has no apiVersion and kind")
		}
		if o.GetName() == "" {
			return nil, fmt.Errorf("a %s without a name", o.GetKind())
		}
		return []*unstructured.Unstructured{o}, nil
	}
	var objects []*unstructured.Unstructured
	for i, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("item %d of the list is no object", i)
		}
		if kind := strings.TrimSuffix(o.GetKind(), "List"); m["kind"] == nil && kind != "" {
			m["kind"], m["apiVersion"] = kind, o.GetAPIVersion()
		}
		found, err := expand(m)
		if err != nil {
			return nil, fmt.Errorf("item %d of the list: %w", i, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}
