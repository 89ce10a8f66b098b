// Package keys is the key directory of a log: the MAC key, the identity key
// that names the log to outsiders, and the epoch keys that seal it.
//
//	mac.key       64 hexadecimal digits; may lie elsewhere
//	identity.key  note signer key (golang.org/x/mod/sumdb/note), Ed25519
//	epoch.key     note signer key of the current epoch
//	epoch.next    note signer key of an epoch about to begin
//	log.vkey      note verifier key of the identity: public, keep it elsewhere too
//
// The directory is made 0700 and each private file 0600. A private file that
// others may do anything with is refused, and so is a directory that others may
// write: they could put keys of their own into it. The directory of a mac.key
// that lies elsewhere is not looked at. log.vkey is written last: it says that a
// log was made.
package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/vfs"
)

// File names within the directory.
const (
	MACFile      = "mac.key"
	IdentityFile = "identity.key"
	EpochFile    = "epoch.key"
	NextFile     = "epoch.next"
	PublicFile   = "log.vkey"
)

const (
	macSize = 32
	// maxFile bounds what is read of a key file: a signer key with the longest
	// sensible name is far below it.
	maxFile = 4096
)

// ErrNotKey is returned for a file that holds no key of its kind: overwritten,
// torn, or something else.
var ErrNotKey = errors.New("not a key")

// ErrPermissions is returned for a private file that others may read, and for a
// key directory that others may write.
var ErrPermissions = errors.New("key is open to others")

// A Dir is a key directory. It holds no key itself.
type Dir struct {
	fs   vfs.FS
	path string
	mac  string
}

// At returns the key directory at path. The MAC key is read from macPath, or
// where that is empty from within the directory.
func At(fsys vfs.FS, path, macPath string) *Dir {
	if macPath == "" {
		macPath = filepath.Join(path, MACFile)
	}
	return &Dir{fsys, path, macPath}
}

// Path returns the path of a file of the directory; of [MACFile], where the
// MAC key really lies.
func (d *Dir) Path(file string) string {
	if file == MACFile {
		return d.mac
	}
	return filepath.Join(d.path, file)
}

// A Pair is a key that signs notes, with its public half.
type Pair struct {
	Signer note.Signer
	VKey   string // note verifier key
	secret string // note signer key
}

// Public returns the pair's Ed25519 public key.
func (p Pair) Public() ([]byte, error) { return merkle.PublicKey(p.VKey) }

// A Set is the keys that a writer holds while a log is open. The current
// epoch's key is not among them: it is read for each seal and forgotten.
type Set struct {
	Origin string
	MAC    []byte // the secret of mac.key, from which each key in use is derived

	identity func() (Pair, error)
}

// Identity returns the identity key. It is safe for concurrent use.
func (s *Set) Identity() (Pair, error) { return s.identity() }

// Generate makes new keys and returns them with the key of epoch 0. Keys that
// an interrupted Generate has left are replaced; an existing MAC key is kept.
// They are not used again, although they could be: they may have signed the
// beginning of a log that was never finished, and of one log there must not be
// two beginnings. Nobody knew its name, as it is published last.
// Nothing says yet that a log exists: [Dir.Publish] does, and Generate must
// not be called after it.
func (d *Dir) Generate() (*Set, Pair, error) {
	if err := d.fs.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, Pair{}, fmt.Errorf("make key directory: %w", err)
	}
	if err := d.guarded(); err != nil {
		return nil, Pair{}, err
	}
	mac, err := d.makeMAC()
	if err != nil {
		return nil, Pair{}, err
	}
	pub, epoch, err := generate()
	if err != nil {
		return nil, Pair{}, err
	}
	origin := merkle.Origin(pub)
	first, err := pair(origin, pub, epoch)
	if err != nil {
		return nil, Pair{}, err
	}
	identity, err := newPair(origin)
	if err != nil {
		return nil, Pair{}, err
	}
	if err := d.replace(EpochFile, first.secret, 0o600); err != nil {
		return nil, Pair{}, err
	}
	if err := d.replace(IdentityFile, identity.secret, 0o600); err != nil {
		return nil, Pair{}, err
	}
	if err := d.syncDir(); err != nil {
		return nil, Pair{}, err
	}
	if err := d.fs.SyncDir(filepath.Dir(d.path)); err != nil {
		return nil, Pair{}, fmt.Errorf("sync directory of the keys: %w", err)
	}
	return &Set{origin, mac, func() (Pair, error) { return identity, nil }}, first, nil
}

// Publish writes the public identity key, which says from then on that this
// log exists. It is durable when Publish returns.
func (d *Dir) Publish(vkey string) error {
	if err := d.replace(PublicFile, vkey, 0o644); err != nil {
		return err
	}
	return d.syncDir()
}

// Published returns the public identity key, or "" where there is none.
func (d *Dir) Published() (string, error) {
	text, err := d.read(d.Path(PublicFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return text, err
}

// Load reads the identity and the MAC key.
func (d *Dir) Load() (*Set, error) {
	set, err := d.LoadBrief()
	if err != nil {
		return nil, err
	}
	_, err = set.Identity()
	return set, err
}

// LoadBrief is Load for who appends a record and ends: of the identity key it
// reads no more than the name, until [Set.Identity] asks for the key, which may
// then turn out to be none. To make use of one takes longer than to append.
func (d *Dir) LoadBrief() (*Set, error) {
	if err := d.guarded(); err != nil {
		return nil, err
	}
	path := d.Path(IdentityFile)
	secret, err := d.readPrivate(path)
	if err != nil {
		return nil, err
	}
	name, _, ok := strings.Cut(strings.TrimPrefix(secret, secretMark), "+")
	if !ok || !strings.HasPrefix(secret, secretMark) || name == "" {
		return nil, fmt.Errorf("%s: %w", path, ErrNotKey)
	}
	mac, err := d.loadMAC()
	if err != nil {
		return nil, err
	}
	return &Set{name, mac, sync.OnceValues(func() (Pair, error) {
		p, err := parsePair(secret)
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return p, err
	})}, nil
}

func (d *Dir) syncDir() error {
	if err := d.fs.SyncDir(d.path); err != nil {
		return fmt.Errorf("sync key directory: %w", err)
	}
	return nil
}

// makeMAC reads the MAC key, or makes one where there is none. It is there whole
// or not at all: a half one could not be told from a log's that was damaged.
func (d *Dir) makeMAC() ([]byte, error) {
	mac, err := d.loadMAC()
	if !errors.Is(err, fs.ErrNotExist) {
		return mac, err
	}
	mac = make([]byte, macSize)
	rand.Read(mac) // never fails: crypto/rand
	if err := d.replace(MACFile, hex.EncodeToString(mac), 0o600); err != nil {
		return nil, err
	}
	if err := d.fs.SyncDir(filepath.Dir(d.mac)); err != nil {
		return nil, fmt.Errorf("sync directory of the MAC key: %w", err)
	}
	return mac, nil
}

func (d *Dir) loadMAC() ([]byte, error) {
	text, err := d.readPrivate(d.mac)
	if err != nil {
		return nil, err
	}
	mac, err := hex.DecodeString(text)
	if err != nil || len(mac) != macSize {
		return nil, fmt.Errorf("%s: %w: want %d hexadecimal digits", d.mac, ErrNotKey, 2*macSize)
	}
	return mac, nil
}

func generate() (ed25519.PublicKey, ed25519.PrivateKey, error) {
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	return pub, private, nil
}

func newPair(name string) (Pair, error) {
	pub, private, err := generate()
	if err != nil {
		return Pair{}, err
	}
	return pair(name, pub, private)
}

// secretMark begins a note signer key.
const secretMark = "PRIVATE+KEY+"

// pair puts a key into the text forms of package note.
func pair(name string, pub ed25519.PublicKey, private ed25519.PrivateKey) (Pair, error) {
	vkey, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		return Pair{}, fmt.Errorf("name key: %w", err)
	}
	hash, _, _ := strings.Cut(strings.TrimPrefix(vkey, name+"+"), "+")
	seed := append([]byte{1}, private.Seed()...) // 1: Ed25519, C2SP signed-note
	return parsePair(secretMark + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(seed))
}

func parsePair(secret string) (Pair, error) {
	signer, err := note.NewSigner(secret)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrNotKey, err)
	}
	// The form is PRIVATE+KEY+NAME+HASH+BASE64(0x01 ‖ seed); NewSigner has checked it.
	_, text, _ := strings.Cut(strings.TrimPrefix(secret, secretMark+signer.Name()+"+"), "+")
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Pair{}, fmt.Errorf("%w: bad seed", ErrNotKey)
	}
	pub, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return Pair{}, fmt.Errorf("%w: not Ed25519", ErrNotKey)
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), pub)
	if err != nil {
		return Pair{}, fmt.Errorf("name key: %w", err)
	}
	return Pair{signer, vkey, secret}, nil
}

func (d *Dir) pair(file string) (Pair, error) {
	if err := d.guarded(); err != nil {
		return Pair{}, err
	}
	path := d.Path(file)
	text, err := d.readPrivate(path)
	if err != nil {
		return Pair{}, err
	}
	p, err := parsePair(text)
	if err != nil {
		return Pair{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// guarded returns nil where nobody but its owner can put files into the directory.
func (d *Dir) guarded() error {
	info, err := d.fs.Stat(d.path)
	if err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%w: others may write to the directory %s, which has mode %04o: run chmod go-w %[2]s", ErrPermissions, d.path, info.Mode().Perm())
	}
	return nil
}

// readPrivate reads a private file, refusing one that others may read.
func (d *Dir) readPrivate(path string) (string, error) {
	info, err := d.fs.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: %s has mode %04o: run chmod 600 %[2]s", ErrPermissions, path, info.Mode().Perm())
	}
	return d.read(path)
}

func (d *Dir) read(path string) (string, error) {
	f, err := d.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read
	size, err := f.Size()
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	if size > maxFile {
		return "", fmt.Errorf("%s: %w: %d bytes", path, ErrNotKey, size)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && size > 0 {
		return "", fmt.Errorf("read key %s: %w", path, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// replace writes a file of the directory in one step: write aside, sync, rename.
func (d *Dir) replace(file, text string, perm fs.FileMode) error {
	tmp := d.Path(file) + ".tmp"
	if err := d.write(tmp, text, perm); err != nil {
		return err
	}
	if err := d.fs.Rename(tmp, d.Path(file)); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// write puts text into a new file and syncs it. What has the name already, a
// crash's rest or somebody's file or link, is removed: a secret must neither go
// where it leads nor take its mode.
func (d *Dir) write(path, text string, perm fs.FileMode) error {
	if err := d.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write key: %w", err)
	}
	f, err := d.fs.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.WriteAt([]byte(text+"\n"), 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return nil
}
