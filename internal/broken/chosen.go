//go:build etch_broken

package broken

import (
	"os"
	"sync"
)

const enabled = true

// The switch, and the file that tells the gate that the broken check was
// reached: a test that fails without having come there shows nothing.
var (
	name   = os.Getenv("ETCH_BROKEN")
	report = os.Getenv("ETCH_BROKEN_REPORT")
)

func chosen(check string) bool {
	if name == "" || check != name {
		return false
	}
	reached()
	return true
}

var reached = sync.OnceFunc(func() {
	if report == "" {
		return
	}
	if err := os.WriteFile(report, []byte(name+"\n"), 0o600); err != nil {
		panic("broken: report: " + err.Error())
	}
})
