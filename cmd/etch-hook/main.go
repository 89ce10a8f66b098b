// Nothing is looked up of how many processors a container may use, and no goroutine
// follows that: package alone takes one. Nor are mappings of memory named.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
//go:debug decoratemappings=0

// Etch-hook is "etch hook" and nothing else: what coding agents start twice a call. It
// takes the same arguments and does the same; a program that holds no more than that
// starts sooner. "etch install" puts it into agents' settings where it lies beside etch.
package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	_ "github.com/etch-audit/etch/internal/alone"
	"github.com/etch-audit/etch/internal/hookrun"
)

const usage = `usage: etch-hook AGENT [EVENT] [--guard] [--log PATH] [--config PATH]
It is "etch hook" as a program of its own; "etch hook --help" says more.
`

func main() {
	c, ok := hookrun.Parse(os.Args[1:])
	if !ok {
		os.Exit(help(os.Args[1:]))
	}
	os.Exit(hookrun.Run(c, hookrun.Of(etch)))
}

// help says how the program is used, and returns its exit code: wrong use is 2.
func help(args []string) int {
	out, code := os.Stderr, 2
	if slices.ContainsFunc(args, func(arg string) bool { return arg == "-h" || arg == "--help" }) {
		out, code = os.Stdout, 0
	}
	// Whoever closed the stream does not want to hear of it.
	_, _ = io.WriteString(out, usage)
	return code
}

// etch returns the path of the etch that lies beside this program.
func etch() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	name := "etch"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(filepath.Dir(path), name), nil
}
