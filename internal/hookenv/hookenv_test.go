package hookenv_test

import (
	"testing"

	"github.com/etch-audit/etch/internal/hookenv"
)

func TestBends(t *testing.T) {
	for variable, want := range map[string]bool{
		"HOME": true, "ETCH_LOG_PATH": true, "ETCH_ENABLED": true, "LD_PRELOAD": true, "XDG_STATE_HOME": true,
		"ETCH": false, "PATH": false, "": false, "NODE_ENV": false, "MY_ETCH_LOG_PATH": false,
	} {
		if got := hookenv.Bends(variable); got != want {
			t.Errorf("Bends(%q) = %v, want %v", variable, got, want)
		}
	}
}
