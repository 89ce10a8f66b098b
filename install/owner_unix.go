//go:build unix

package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// mine returns an error that is [ErrForeign] where a file is another user's, or
// the directory that it would be in.
func mine(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		return mine(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("%w: %s belongs to %s", ErrForeign, path, ownerName(st.Uid))
}

func ownerName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

// sameOwner gives a new file the group of another, whose owner is this user.
func sameOwner(out *os.File, like fs.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok || int(st.Gid) == os.Getegid() {
		return nil
	}
	return out.Chown(-1, int(st.Gid))
}

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink)
}

// replaceable returns the first part of a path, from the end, that others than
// the administrator can put something else in the place of; empty where there is
// none.
func replaceable(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	for {
		info, err := os.Stat(path)
		if err != nil {
			return path
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
		if !ok || st.Uid != 0 || info.Mode().Perm()&0o022 != 0 && !sticky {
			return path
		}
		if filepath.Dir(path) == path {
			return ""
		}
		path = filepath.Dir(path)
	}
}
