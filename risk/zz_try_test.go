package risk

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestTry(t *testing.T) {
	b, _ := os.ReadFile(os.Getenv("TRY"))
	for l := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
		want, cmd, _ := strings.Cut(l, " ")
		a := Command(strings.ReplaceAll(cmd, "␤", "\n"))
		if a.Level.String()[:1] != want {
			fmt.Println(want, "got", a.Level, cmd, "\n      ", a.Reasons)
		}
	}
}
