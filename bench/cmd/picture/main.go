// Command picture draws as SVG what was measured: throughput over callers, by
// compare -curve, a daemon's throughput and latency, by compare -daemon, or how many times as fast as ripgrep questions were answered, by
// ask -json.
//
//	go run ./cmd/compare -curve testdata/curve.json
//	go run ./cmd/picture testdata/curve.json ../docs/throughput.svg
//	go run ./cmd/compare -daemon testdata/daemon.json
//	go run ./cmd/picture testdata/daemon.json ../docs/daemon.svg
//	go run ./cmd/ask -json testdata/ask.json
//	go run ./cmd/picture testdata/ask.json ../docs/questions.svg
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/etch-audit/etch/bench"
	"github.com/etch-audit/etch/bench/table"
)

const usage = "usage: picture MEASURED.json PICTURE.svg"

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
	svg, err := drawAny(b)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return os.WriteFile(out, svg, 0o644)
}

// drawAny draws a curve, which is an array, a daemon's, or a report.
func drawAny(measured []byte) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(measured), []byte("[")) {
		var points []bench.Point
		if err := json.Unmarshal(measured, &points); err != nil {
			return nil, err
		}
		return draw(points)
	}
	var curve bench.DaemonCurve
	if err := json.Unmarshal(measured, &curve); err == nil && len(curve.Daemon) > 0 {
		return drawDaemon(curve.Daemon)
	}
	var report table.Report
	if err := json.Unmarshal(measured, &report); err != nil {
		return nil, err
	}
	return drawBars(report.Outcomes)
}
