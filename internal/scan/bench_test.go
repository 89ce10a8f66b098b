package scan_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/needle"
	"github.com/etch-audit/etch/internal/scan"
)

func BenchmarkLines(b *testing.B) {
	var text []byte
	for seq := uint64(0); len(text) < 64<<20; seq += 1000 {
		text = logtest.AppendLines(text, 1, seq, 1000)
	}
	file := open(b, text)
	name := logtest.User(70)
	for how, src := range map[string]io.ReaderAt{"mapped": file, "read": struct{ io.ReaderAt }{file}} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", how, workers), func(b *testing.B) {
				opt := scan.Options{Finder: needle.New([][]byte{[]byte(name)}), Workers: workers}
				b.SetBytes(int64(len(text)))
				found := 0
				for b.Loop() {
					found = 0
					for _, err := range scan.Lines(b.Context(), src, 0, int64(len(text)), opt, keep(`"username":"`+name+`"`)) {
						if err != nil {
							b.Fatal(err)
						}
						found++
					}
				}
				b.ReportMetric(float64(found), "found")
			})
		}
	}
}
