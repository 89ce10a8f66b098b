package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/bench"
)

// maxPicture is what a picture of the documentation may weigh.
const maxPicture = 100 << 10

func TestDraw(t *testing.T) {
	svg, err := draw([]bench.Point{
		{Peer: "etch", Callers: 1, Rate: 3000},
		{Peer: "a<b", Callers: 1, Rate: 2900},
		{Peer: "etch", Callers: 64, Rate: 90_000},
		{Peer: "a<b", Callers: 64, Rate: 89_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	paths := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "path" {
			paths++
		}
	}
	if paths != 2 {
		t.Errorf("%d lines for 2 peers", paths)
	}
	for _, want := range []string{"etch 90,000", "a&lt;b 89,000", "prefers-color-scheme:dark"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture does not contain %q", want)
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	for _, points := range [][]bench.Point{
		nil,
		{{Peer: "etch", Callers: 1, Rate: 3000}},
		{{Peer: "etch", Callers: 1, Rate: 3000}, {Peer: "etch", Callers: 2}},
		{{Peer: "etch", Callers: 0, Rate: 3000}},
	} {
		if svg, err := draw(points); err == nil {
			t.Errorf("%v was drawn: %s", points, svg)
		}
	}
}

// TestCommitted shows that the pictures in docs/ are those of the committed data.
func TestCommitted(t *testing.T) {
	for data, picture := range map[string]string{"curve.json": "throughput.svg", "daemon.json": "daemon.svg", "ask.json": "questions.svg"} {
		measured, err := os.ReadFile(filepath.Join("..", "..", "testdata", data))
		if err != nil {
			t.Fatal(err)
		}
		want, err := drawAny(measured)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", picture))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("docs/%s is not what cmd/picture draws of testdata/%s", picture, data)
		}
		if len(got) > maxPicture {
			t.Errorf("%s has %d bytes, at most %d", picture, len(got), maxPicture)
		}
	}
}

func TestDrawDaemon(t *testing.T) {
	svg, err := drawAny([]byte(`{"daemon": [
		{"clients": 1, "events_per_second": 2500, "p50_us": 330, "p99_us": 900},
		{"clients": 64, "events_per_second": 26000, "p50_us": 2200, "p99_us": 6500}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"daemon 26,000", "p50 2,200", "p99 6,500", "clients", `<g transform="translate(0 440)">`} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture does not contain %q", want)
		}
	}
	if svg, err := drawAny([]byte(`{"daemon": [{"clients": 1, "events_per_second": 0}]}`)); err == nil {
		t.Errorf("a daemon that answers nothing was drawn: %s", svg)
	}
}
