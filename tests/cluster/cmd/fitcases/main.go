// Fitcases prints random small clusters with pending pods, one a line, for
// fitjudge and for what is compared with it.
//
//	fitcases --seed 1 --count 1000 | fitjudge --with-objects - > cases.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"patchkit.test/cluster/internal/fitcases"
)

func main() {
	seed := flag.Uint64("seed", 1, "the same seed gives the same clusters")
	count := flag.Int("count", 100, "how many")
	from := flag.Int("from", 0, "number of the first one")
	family := flag.String("family", "", "only this family: volumes, spread, resources, podaffinity, nodeaffinity, taints, ports or mixed")
	flag.Parse()
	if err := run(*seed, *from, *count, *family); err != nil {
		fmt.Fprintf(os.Stderr, "fitcases: %v\n", err)
		os.Exit(1)
	}
}

func run(seed uint64, from, count int, family string) error {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for n := from; n < from+count; n++ {
		f := family
		if f == "" {
			f = fitcases.Families[n%len(fitcases.Families)]
		}
		c, err := fitcases.Case(seed, n, f)
		if err != nil {
			return err
		}
		if err := encoder.Encode(c); err != nil {
			return err
		}
	}
	return out.Flush()
}
