package execwrap

import (
	"os"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/child"
)

// resultOf tells how a command ended. An error besides the command's own is one of
// copying to streams that are no files.
func resultOf(state *os.ProcessState, err error) *etch.Result {
	result := &etch.Result{Type: etch.Success}
	exit, message := child.ExitOf(state)
	if message == "" && err != nil {
		message = err.Error()
	}
	if message != "" {
		result.Type, result.Message = etch.Error, message
	}
	result.ExitCode = etch.Some(int64(exit))
	return result
}
