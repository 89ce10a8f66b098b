package risk

import (
	"path"
	"slices"
	"strings"
)

// resolve returns the cleaned path that a word names, with the home directory
// as ~ whichever way it is written.
func (w *walker) resolve(x word) string { return resolvePath(x, w.cwd) }

func resolvePath(x word, cwd string) string {
	p := drivePath(x.text)
	if p == "" {
		return ""
	}
	if p[0] != '/' && p[0] != '~' && x.lead == "" && cwd != "" {
		p = cwd + "/" + p
	}
	p = path.Clean(p)
	for _, prefix := range []string{"/proc/self/root", "/proc/1/root", "/private"} {
		if strings.HasPrefix(p, prefix+"/") {
			p = p[len(prefix):]
		}
	}
	return homePath(p)
}

// drivePath returns a path with a drive's letter as C:/x, that of a home as /Users/x, and
// any other as it is. The directories that matter are known without the slash before
// them, too, which bash takes for an escape.
func drivePath(p string) string {
	if len(p) < 2 || p[1] != ':' || p[0]|0x20 < 'a' || p[0]|0x20 > 'z' {
		return p
	}
	rest := strings.ReplaceAll(p[2:], `\`, "/")
	lower := strings.ToLower(rest)
	known := ""
	for _, dir := range []string{"windows", "users", "programdata", "program files"} {
		if strings.HasPrefix(strings.TrimLeft(lower, "/"), dir) {
			known = dir
		}
	}
	if rest != "" && strings.IndexByte("/*.", rest[0]) < 0 && known == "" {
		return p
	}
	rest = strings.TrimLeft(rest, "/")
	if _, name, ok := strings.Cut(rest, "/"); ok && known == "users" {
		return "/Users/" + name
	}
	if known != "" {
		rest = known + rest[len(known):]
	}
	return strings.ToUpper(p[:1]) + ":/" + rest
}

// isDrive reports whether a path is the root of a drive.
func isDrive(p string) bool { return len(p) == 2 && p[1] == ':' && p[0] >= 'A' && p[0] <= 'Z' }

// rootHome is the home of the superuser.
const rootHome = "/root"

// homePath writes /home/NAME, /Users/NAME, /root and ~NAME as ~.
func homePath(p string) string {
	rest, ok := "", false
	switch {
	case strings.HasPrefix(p, "/home/"), strings.HasPrefix(p, "/Users/"):
		_, after, _ := strings.Cut(p[1:], "/")
		_, rest, ok = strings.Cut(after, "/")
		if !ok {
			return "~"
		}
	case strings.HasPrefix(p+"/", rootHome+"/"):
		rest = strings.TrimPrefix(strings.TrimPrefix(p, rootHome), "/")
	case strings.HasPrefix(p, "~") && p != "~" && !strings.HasPrefix(p, "~/"):
		_, rest, _ = strings.Cut(p, "/")
	default:
		return p
	}
	if rest == "" {
		return "~"
	}
	return "~/" + rest
}

// within reports whether a path is a directory or lies in it.
func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// systemDirs are the directories at the root whose loss breaks the machine.
var systemDirs = []string{
	"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
	"/usr", "/var", "/Users", "/Library", "/System", "/Applications", "/Volumes", "/mnt", "/media", "/data", "/nix", "/c", "/C:",
	"C:/windows", "C:/users", "C:/programdata", "C:/program files",
}

// coreDirs are those in which every file belongs to the system.
var coreDirs = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/System", "/sys", "/proc", "C:/windows", "C:/program files"}

// buildNames are names of directories that tools make and make again.
var buildNames = []string{
	"node_modules", "dist", "build", "target", "out", "bin", "obj", "__pycache__", "coverage", "htmlcov", "tmp", "temp", "cache",
	".cache", ".next", ".nuxt", ".output", ".turbo", ".parcel-cache", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox",
	"venv", ".venv", ".gradle", ".terraform", ".eggs", "_build", ".dart_tool", "DerivedData", "Pods", ".angular", ".svelte-kit",
	"storybook-static", "site", "_site", "logs", "test-results", "playwright-report", ".nyc_output", "cmake-build-debug", "testdata-tmp",
}

func isBuild(p string) bool {
	base := path.Base(strings.TrimSuffix(strings.TrimSuffix(p, "/*"), "/"))
	return slices.Contains(buildNames, base) || strings.HasSuffix(base, ".egg-info") ||
		strings.HasPrefix(base, "build-") || strings.HasPrefix(base, "cmake-build-") || base == "*.pyc"
}

// outputNames are those of them that are hardly anything else, with all that is in them.
var outputNames = []string{
	"node_modules", "target", "dist", "build", "out", "obj", "__pycache__", "coverage", "htmlcov", ".cache", ".next", ".nuxt", ".output", ".turbo", ".parcel-cache",
	".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", "venv", ".venv", ".gradle", ".terraform", ".eggs", "_build", ".dart_tool", "DerivedData", "Pods",
	".angular", ".svelte-kit", "storybook-static", ".nyc_output",
}

// insideBuild reports whether a path lies in such a directory, which is not one of the
// root's or the home's own: projects may lie there.
func insideBuild(p string) bool {
	parts := strings.Split(p, "/")
	if parts[0] == "" || parts[0] == "~" || strings.HasSuffix(parts[0], ":") {
		parts = parts[min(2, len(parts)):]
	}
	if len(parts) < 2 {
		return false
	}
	return slices.ContainsFunc(parts[:len(parts)-1], func(part string) bool { return slices.Contains(outputNames, part) })
}

// removal says how bad the recursive removal of what a word names is.
func removal(x word, cwd string) (Level, string) {
	if x.open && x.lead != "" {
		return removalUnknown(x)
	}
	p := resolvePath(x, cwd)
	all := p
	for {
		base := path.Base(all)
		if base != "*" && base != ".*" && base != "{*,.*}" && base != ".[!.]*" && base != ".??*" && base != "?*" && base != "*.*" {
			break
		}
		all = path.Dir(all)
	}
	switch {
	case all == "/" || all == "/*":
		return Critical, "the root directory"
	case isDrive(all):
		return Critical, "drive " + all
	case all == "~":
		return Critical, "the home directory"
	case slices.Contains(systemDirs, all) || x.glob && strings.HasPrefix(all, "/") && globs(all, systemDirs):
		return Critical, "system directory " + all
	case all == "/tmp" || all == "/var/tmp":
		return High, "everything in " + all
	}
	level, what := removalInside(p, all)
	if level == High && !x.open && insideBuild(all) && path.Base(all) != ".git" {
		return Medium, "build output " + p
	}
	return level, what
}

func globs(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return matches(pattern, n) })
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// removalInside judges what is not a root of anything.
func removalInside(p, all string) (Level, string) {
	core := slices.ContainsFunc(coreDirs, func(d string) bool { return within(p, d) })
	switch {
	case core && strings.Count(all, "/") <= 2:
		return Critical, "system directory " + all
	case core:
		return High, "system directory " + all
	case within(p, "/tmp") || within(p, "/var/tmp") || within(p, "/var/folders") || within(p, "~/.cache"):
		return Medium, p
	case path.Base(all) == ".git":
		return High, "the repository's history " + p
	case strings.Trim(all, "./") == "" && strings.Count(all, "..") > 2:
		return Critical, "a directory far above: " + all
	case all == "." || all == "..":
		return High, "everything in " + all
	case isBuild(p):
		return Medium, "build output " + p
	}
	return High, p
}

// removalUnknown judges a target that begins with what is known only at run
// time.
func removalUnknown(x word) (Level, string) {
	tail := x.tail()
	switch {
	case x.full:
		return Medium, x.text
	case tail == "":
		return High, x.text + ", known only at run time"
	case strings.HasPrefix(tail, "/"):
		level, _ := removal(word{text: tail, glob: true}, "")
		if level == Critical {
			return Critical, x.text + ", which is " + tail + " when the variable is empty"
		}
		return High, x.text + ", known only at run time"
	}
	return High, x.text + ", known only at run time"
}
