package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// shareAll lets others rename and delete a file that is open, which package
// os does not.
const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// A fileID tells files of one machine apart for as long as they are open.
type fileID struct {
	volume uint32
	index  uint64
}

func openFile(name string, flag int, perm fs.FileMode) (*handle, error) {
	h, err := createFile(name, flag, perm)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(h), name)
	if flag&os.O_TRUNC == 0 {
		return f, nil
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openShared opens a file to be read by package os.
func openShared(name string) (*os.File, error) { return openFile(name, os.O_RDONLY, 0) }

func createFile(name string, flag int, perm fs.FileMode) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return windows.InvalidHandle, err
	}
	access := uint32(windows.GENERIC_READ)
	if flag&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	attributes := uint32(windows.FILE_ATTRIBUTE_NORMAL)
	if perm&0o200 == 0 {
		attributes = windows.FILE_ATTRIBUTE_READONLY
	}
	mode := uint32(windows.OPEN_EXISTING)
	switch {
	case flag&os.O_EXCL != 0:
		mode = windows.CREATE_NEW
	case flag&os.O_CREATE != 0:
		mode = windows.OPEN_ALWAYS
	}
	var security *windows.SecurityAttributes
	if mode != windows.OPEN_EXISTING {
		if security, err = securityOf(perm, ownersFile); err != nil {
			return windows.InvalidHandle, err
		}
	}
	// Neither without security attributes nor with these is the handle inherited.
	return windows.CreateFile(path, access, shareAll, security, mode, attributes, 0)
}

func mkdir(name string, perm fs.FileMode) error {
	path, err := windows.UTF16PtrFromString(name)
	if err == nil {
		var security *windows.SecurityAttributes
		if security, err = securityOf(perm, ownersDirectory); err == nil {
			err = windows.CreateDirectory(path, security)
		}
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

// Access lists that let the owner and the system do everything, and nobody else
// anything; nothing is inherited from above, and what is made inside of a directory
// inherits its list. An administrator can take the ownership, as root can read everything
// elsewhere.
const (
	ownersFile      = "D:P(A;;FA;;;OW)(A;;FA;;;SY)"
	ownersDirectory = "D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)"
)

// securityOf returns who may do what with a new file or directory: what of perm says
// that others may do nothing is said by an access list, as modes mean nothing here; what
// others may read has the access list of its directory.
func securityOf(perm fs.FileMode, owners string) (*windows.SecurityAttributes, error) {
	if perm&0o077 != 0 {
		return nil, nil
	}
	descriptor, err := windows.SecurityDescriptorFromString(owners)
	if err != nil {
		return nil, err
	}
	security := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	security.Length = uint32(unsafe.Sizeof(*security))
	return security, nil
}

// rename goes by way of os.Root within one directory, because that renames
// with POSIX semantics: over a file that somebody has open.
func rename(oldName, newName string) error {
	dir := filepath.Dir(oldName)
	if dir != filepath.Dir(newName) {
		return os.Rename(oldName, newName)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(root.Rename(filepath.Base(oldName), filepath.Base(newName)), root.Close())
}

// syncDir only checks that the directory is there: Windows gives no way to
// flush one, and NTFS writes names in order through its own journal.
func syncDir(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "sync", Path: name, Err: windows.ERROR_DIRECTORY}
	}
	return err
}

func identify(fd uintptr) (fileID, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(fd), &info); err != nil {
		return fileID{}, err
	}
	return fileID{
		volume: info.VolumeSerialNumber,
		index:  uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow),
	}, nil
}

func sizeOf(fd uintptr) (int64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(fd), &info); err != nil {
		return 0, err
	}
	return int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow), nil
}

// A place is a path and the file that was opened there.
type place struct {
	path string
	id   fileID
}

func newPlace(abs string, id fileID) place { return place{path: abs, id: id} }

// linked reports whether the path still names the file.
func (p *place) linked() (bool, error) {
	path, err := windows.UTF16PtrFromString(p.path)
	if err != nil {
		return false, &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	// No access is asked for: enough to learn the identity, also of a
	// directory that took the file's place.
	h, err := windows.CreateFile(path, 0, shareAll, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	id, err := identify(uintptr(h))
	if err := errors.Join(err, windows.CloseHandle(h)); err != nil {
		return false, &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	return id == p.id, nil
}
