package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/etch-audit/etch/install"
)

// hookProgram returns the program that hooks shall start in the place of etch: the one
// that does nothing else and starts sooner, where it lies beside etch and was built of
// the same source; "" where there is none. Why says why one that lies there is not
// taken.
func hookProgram(etch string) (path, why string) {
	path = filepath.Join(filepath.Dir(etch), install.HookProgram)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", ""
	}
	if !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
		return "", fmt.Sprintf("%s is no program: the hooks start etch itself", path)
	}
	its, err := buildinfo.ReadFile(path)
	if err != nil || !strings.HasSuffix(its.Path, "/cmd/"+install.HookProgram) {
		return "", fmt.Sprintf("%s is not etch's: the hooks start etch itself", path)
	}
	if ours, err := buildinfo.ReadFile(etch); err != nil || builtOf(ours) != builtOf(its) {
		return "", fmt.Sprintf("%s was not built of the same source as %s: the hooks start etch itself", path, etch)
	}
	return path, ""
}

// builtOf says of what a program was built, as the go command has stamped it.
func builtOf(b *debug.BuildInfo) string {
	words := []string{b.Main.Path, b.Main.Version}
	for _, s := range b.Settings {
		if strings.HasPrefix(s.Key, "vcs.") {
			words = append(words, s.Key+"="+s.Value)
		}
	}
	return strings.Join(words, " ")
}
