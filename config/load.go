package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// LoadOptions say where the settings come from. The zero value means the
// default places and the process's own environment.
type LoadOptions struct {
	// Path is the file to read, as --config gives it. It must exist. Empty:
	// the file that ETCH_CONFIG names, which must exist too, or else the one
	// in the default place, which need not.
	Path string
	// MayMiss says that the file at Path need not exist either: where it does not,
	// it sets nothing.
	MayMiss bool
	// LookupEnv finds a variable of the environment; nil: [os.LookupEnv].
	LookupEnv func(name string) (string, bool)
	// Dir is where relative paths of flags and environment begin; empty: the
	// working directory.
	Dir string

	flags []flag
}

// A flag is a setting made on the command line.
type flag struct {
	key, value, origin string
}

// Set makes a setting that wins over environment, file and default, as a flag
// of a command does. The value is text: what a variable of the environment
// would hold; unlike one it may be empty. The origin is what
// [Resolved.Origin] and errors say, for instance "flag --log". Key and value
// are checked by [Load]. Of two settings of one key the later wins.
func (o *LoadOptions) Set(key, value, origin string) {
	o.flags = append(o.flags, flag{key, value, origin})
}

// Load reads and combines defaults, file, environment and flags, each winning
// over those before it. Everything that is set is checked, even where
// something stronger hides it. Errors about a setting or the file are an
// [*Error].
func Load(opts LoadOptions) (*Resolved, error) {
	lookup := opts.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	around := newSurroundings(lookup)
	working := place{home: around.home}
	if dir, err := filepath.Abs(opts.Dir); err == nil {
		working.dir = dir // if it is not known, only relative paths are errors
	}
	src, err := find(opts.Path, around, working)
	if opts.MayMiss && opts.Path != "" && errors.Is(err, fs.ErrNotExist) {
		src.data, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &Resolved{Config: Default(), Path: src.path, Found: src.data != nil, sets: map[string]assignment{}}
	layers, err := r.layers(src.data, opts.flags, around)
	if err != nil {
		return nil, err
	}
	beside := place{dir: filepath.Dir(src.abs), home: around.home}
	for _, layer := range layers {
		if err := r.apply(layer, beside, working); err != nil {
			return nil, err
		}
	}
	if err := r.reconcile(around); err != nil {
		return nil, err
	}
	return r, nil
}

// layers returns the settings of file, environment and flags.
func (r *Resolved) layers(data []byte, flags []flag, around surroundings) ([][]assignment, error) {
	file, warnings, err := readDocument(r.Path, data)
	if err != nil {
		return nil, err
	}
	r.Warnings = warnings
	environment, err := fromEnvironment(around.lookup)
	if err != nil {
		return nil, err
	}
	commandLine, err := fromFlags(flags)
	return [][]assignment{file, environment, commandLine}, err
}

// Places returns the files that are looked for where none is named, in this order. The
// environment may move them; nil is the process's own.
func Places(lookup func(string) (string, bool)) []string {
	if lookup == nil {
		lookup = os.LookupEnv
	}
	return newSurroundings(lookup).candidates(runtime.GOOS)
}

// A source is the file that is read.
type source struct {
	path string // as it was given
	abs  string
	data []byte // nil where there is no file and need not be one
}

// find returns the file that is read.
func find(given string, around surroundings, working place) (source, error) {
	if given != "" {
		return readNamed(given, "--config", working)
	}
	if named, _ := around.lookup("ETCH_CONFIG"); named != "" {
		return readNamed(named, "ETCH_CONFIG", working)
	}
	candidates := around.candidates(runtime.GOOS)
	for _, path := range candidates {
		data, err := readFile(path, path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return source{path, path, data}, err
		}
	}
	if len(candidates) == 0 {
		return source{}, nil
	}
	return source{path: candidates[0], abs: candidates[0]}, nil
}

// readNamed reads a file that somebody named, and that therefore must exist.
func readNamed(path, by string, working place) (source, error) {
	abs, err := working.resolve(path)
	if err != nil {
		return source{}, &Error{Path: path, Msg: "find config file: " + err.Error(), cause: err}
	}
	data, err := readFile(path, abs)
	if e, ok := errors.AsType[*Error](err); ok && errors.Is(err, fs.ErrNotExist) {
		e.Hint = by + " names it; \"etch init\" writes one with every key"
	}
	return source{path, abs, data}, err
}

// readFile returns the content of the file at abs, which is not nil even if
// empty, or an *Error that calls it path.
func readFile(path, abs string) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		cause := err
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			cause = pathErr.Err
		}
		return nil, &Error{Path: path, Msg: "read config file: " + cause.Error(), cause: err}
	}
	if info, err := os.Stat(abs); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return fail(errors.New("it is a pipe, which nobody may ever write to"))
	}
	f, err := os.Open(abs)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = f.Close() }() // only read from: there is nothing to lose
	const most = 4 << 10             // that most files have, and fresh memory costs
	data := bytes.NewBuffer(make([]byte, 0, most))
	if _, err := data.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
		return fail(err)
	}
	if data.Len() > maxFile {
		return nil, &Error{Path: path, Msg: fmt.Sprintf("config file is larger than %d bytes", maxFile)}
	}
	return data.Bytes(), nil
}

// fromEnvironment returns the settings of the environment. A variable that is
// empty sets nothing, and one that is not a key's is somebody else's.
func fromEnvironment(lookup func(string) (string, bool)) ([]assignment, error) {
	var found []assignment
	for _, s := range settings {
		text, _ := lookup(s.env)
		if text == "" {
			continue
		}
		a, err := fromText(s, text, environmentLevel, "environment "+s.env)
		if err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	return found, nil
}

func fromFlags(flags []flag) ([]assignment, error) {
	var found []assignment
	for _, f := range flags {
		s := lookupKey(f.key)
		if s == nil {
			return nil, &Error{Origin: f.origin, Key: f.key, Msg: "unknown key " + strconv.Quote(f.key), Hint: suggestKey(f.key)}
		}
		a, err := fromText(s, f.value, flagLevel, f.origin)
		if err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	return found, nil
}

func fromText(s *setting, text string, l level, origin string) (assignment, error) {
	a := assignment{setting: s, level: l, origin: origin}
	v, err := s.parse(text)
	if err != nil {
		a.value = text
		return a, a.bad(err)
	}
	a.value = v
	return a, nil
}
