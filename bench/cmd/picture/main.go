// Command picture draws throughput over callers as SVG: what compare -curve
// has measured.
//
//	go run ./cmd/compare -curve testdata/curve.json
//	go run ./cmd/picture testdata/curve.json ../docs/throughput.svg
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/etch-audit/etch/bench"
)

const usage = "usage: picture CURVE.json PICTURE.svg"

func main() {
	if len(os.Args) != 3 {
		_, _ = fmt.Fprintln(os.Stderr, usage) // there is nobody else to tell
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "picture: error: %v\n", err) // there is nobody else to tell
		os.Exit(1)
	}
}

func run(in, out string) error {
	b, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var points []bench.Point
	if err := json.Unmarshal(b, &points); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	svg, err := draw(points)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return os.WriteFile(out, svg, 0o644)
}
