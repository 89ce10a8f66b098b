package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch/internal/nearest"
)

// A place is where a path of a setting is resolved: relative ones at dir, the
// tilde at home. Either is empty where it is not known.
type place struct {
	dir  string
	home string
}

var (
	errNoHome = errors.New("the home directory is not known: $HOME is not set to an absolute path")
	errNoDir  = errors.New("the working directory is not known: give an absolute path")
)

// resolve returns path as an absolute and clean one.
func (p place) resolve(path string) (string, error) {
	if strings.ContainsRune(path, 0) || !utf8.ValidString(path) {
		return "", errors.New("a path is valid UTF-8 without NUL")
	}
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if rest != "" && !isSeparator(rest[0]) {
			return "", errors.New("only one's own home can be written as ~: give the whole path")
		}
		if p.home == "" {
			return "", errNoHome
		}
		return filepath.Join(p.home, rest), nil
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	if p.dir == "" {
		return "", errNoDir
	}
	return filepath.Join(p.dir, path), nil
}

func isSeparator(c byte) bool {
	return c == '/' || c == filepath.Separator
}

// namesDirectory reports whether a path can only be that of a directory.
func namesDirectory(path string) bool {
	if path == "~" || isSeparator(path[len(path)-1]) {
		return true
	}
	base := filepath.Base(path)
	return base == "." || base == ".."
}

// A directory is the path of a directory, or empty.
type directory struct{ field func(*Config) *string }

func (k directory) kind() kind { return stringKind }

func (k directory) set(c *Config, v any, p place) error {
	path := v.(string)
	if path != "" {
		abs, err := p.resolve(path)
		if err != nil {
			return err
		}
		path = abs
	}
	*k.field(c) = path
	return nil
}

func (k directory) get(c *Config) any     { return *k.field(c) }
func (k directory) allowed(string) string { return "the path of a directory, or \"\"" }

// A filePath is the path of a file, or empty.
type filePath struct{ directory }

func (k filePath) set(c *Config, v any, p place) error {
	if path := v.(string); path != "" && namesDirectory(path) {
		return errors.New("it names a directory")
	}
	return k.directory.set(c, v, p)
}

func (k filePath) allowed(string) string { return "the path of a file, or \"\"" }

// A destination is Zeph's: the name of a stream, the path of a file, or empty. A
// stream's name in other letters is refused, so that "Stdout" is not taken for
// a file by a reader who meant the stream; "./Stdout" is that file.
type destination struct{ filePath }

func (k destination) set(c *Config, v any, p place) error {
	path := v.(string)
	switch {
	case isStream(path):
		*k.field(c) = path
		return nil
	case isStream(strings.ToLower(path)):
		return errRange
	}
	return k.filePath.set(c, v, p)
}

func (k destination) allowed(bad string) string {
	streams := nearest.Sorted(strings.ToLower(bad), []string{"stdout", "stderr"})
	return fmt.Sprintf("%q, %q, the path of a file, or \"\"", streams[0], streams[1])
}

// surroundings are what the default places depend on.
type surroundings struct {
	lookup func(string) (string, bool)
	home   string
}

func newSurroundings(lookup func(string) (string, bool)) surroundings {
	s := surroundings{lookup: lookup}
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	s.home = s.absolute(name)
	return s
}

// absolute returns the path in a variable, or the empty string where it is not
// an absolute one: the XDG Base Directory Specification says to ignore those.
func (s surroundings) absolute(name string) string {
	v, _ := s.lookup(name)
	if !filepath.IsAbs(v) {
		return ""
	}
	return filepath.Clean(v)
}

// xdg returns the directory that a variable of the XDG specification names, or
// its default below the home; empty where neither is known.
func (s surroundings) xdg(name string, fallback ...string) string {
	if dir := s.absolute(name); dir != "" {
		return dir
	}
	if s.home == "" {
		return ""
	}
	return filepath.Join(append([]string{s.home}, fallback...)...)
}

// defaultLog returns the default place of the log.
func (s surroundings) defaultLog() (string, error) {
	dir := s.xdg("XDG_STATE_HOME", ".local", "state")
	if dir == "" {
		return "", errNoHome
	}
	return filepath.Join(dir, "etch", "audit.log"), nil
}

// candidates returns where the file is looked for when nothing names it, in
// order. The system's own directory comes second on darwin and windows, so
// that one rule, and one line of documentation, holds everywhere.
func (s surroundings) candidates(goos string) []string {
	dirs := []string{s.xdg("XDG_CONFIG_HOME", ".config")}
	switch {
	case s.absolute("XDG_CONFIG_HOME") != "":
	case goos == "darwin" && s.home != "":
		dirs = append(dirs, filepath.Join(s.home, "Library", "Application Support"))
	case goos == "windows":
		dirs = append(dirs, s.absolute("AppData"))
	}
	var paths []string
	for _, dir := range dirs {
		if dir != "" {
			paths = append(paths, filepath.Join(dir, "etch", "config.toml"))
		}
	}
	return paths
}
