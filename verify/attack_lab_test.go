package verify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/verify"
)

// A lab is a log that the real writer has made, on a disk in memory, and what
// somebody could have copied of it, keys and all, in the course of time.
type lab struct {
	disk  *memfs.FS
	opt   journal.Options
	log   *journal.Journal
	clock time.Time
	count int

	files  map[string][]byte // of the finished log
	early  []byte            // the state at the beginning of the last segment
	past   []*memfs.FS       // the disk at the end of epoch 0, and of epoch 1, and today
	stolen []map[uint64]ed25519.PrivateKey
	vkey   string
	mac    []byte
	id     ed25519.PrivateKey
	head   string // the newest checkpoint, kept outside
}

const labDir = "/log"

func newLab(t testing.TB, signed bool, sealRecords uint32) *lab {
	t.Helper()
	l := &lab{disk: memfs.New(), clock: time.Date(2026, 2, 16, 1, 0, 0, 0, time.UTC)}
	if err := errors.Join(l.disk.Mkdir(labDir, 0o700), l.disk.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	l.opt = journal.Options{
		FS: l.disk, Path: labDir + "/audit.log", Keys: labDir + "/audit.keys", Signed: signed,
		Rotate: journal.BySize, MaxSize: 1 << 20, SealEvery: 24 * time.Hour, SealRecords: sealRecords,
		Epoch: time.Hour, LockWait: time.Second, Writer: "etch/test", Notify: func(journal.Notice) {},
		Now: func() time.Time { l.clock = l.clock.Add(time.Millisecond); return l.clock },
	}
	var err error
	if l.log, err = journal.Create(l.opt); err != nil {
		t.Fatal(err)
	}
	return l
}

// append adds events, each in a commit of its own.
func (l *lab) append(t testing.TB, n int) {
	t.Helper()
	for range n {
		l.count++
		body := fmt.Sprintf(`"timestamp":"%s","event_id":"evt_%026d","event_type":"command_execution","action":{"command":"make %d"}`,
			l.opt.Now().Format("2006-01-02T15:04:05.000000Z"), l.count, l.count)
		if _, err := l.log.Append(context.Background(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lab) rotate(t testing.TB) {
	t.Helper()
	if done, err := l.log.Rotate(context.Background()); err != nil || !done {
		t.Fatal(done, err)
	}
}

// endEpoch keeps what a thief could have copied until now, and lets an hour pass.
func (l *lab) endEpoch(t testing.TB) {
	t.Helper()
	l.keep(t)
	l.clock = l.clock.Add(2 * time.Hour)
}

func (l *lab) keep(t testing.TB) {
	t.Helper()
	disk := l.disk.Clone()
	l.past = append(l.past, disk)
	epoch, err := keys.At(disk, l.opt.Keys, "").Epoch()
	if err != nil {
		t.Fatal(err)
	}
	b, err := fs.ReadFile(disk.Sub(l.opt.Keys), keys.EpochFile)
	if err != nil {
		t.Fatal(err)
	}
	l.vkey = epoch.Signer.Name()
	l.stolen = append(l.stolen, map[uint64]ed25519.PrivateKey{uint64(len(l.stolen)): privateKey(t, b)})
}

// privateKey reads a note signer key.
func privateKey(t testing.TB, b []byte) ed25519.PrivateKey {
	t.Helper()
	parts := strings.SplitN(strings.TrimSpace(string(b)), "+", 5) // PRIVATE KEY NAME HASH BASE64
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 33 {
		t.Fatalf("%d bytes of a key: %v", len(seed), err)
	}
	return ed25519.NewKeyFromSeed(seed[1:])
}

// makeLab lets the real writer make a log of three epochs in three segments,
// that ends in three records without a seal.
func makeLab(t testing.TB, signed bool) *lab {
	t.Helper()
	l := newLab(t, signed, 8)
	l.append(t, 7)
	l.endEpoch(t)
	l.append(t, 3)
	l.rotate(t)
	l.append(t, 5)
	l.endEpoch(t)
	l.append(t, 6)
	l.rotate(t)
	l.append(t, 2)
	l.early = filesOf(t, l.disk)["audit.state"]
	l.append(t, 9)
	l.finish(t)
	return l
}

// finish takes note of what the log has come to. It is not closed: that would
// seal its last records.
func (l *lab) finish(t testing.TB) {
	t.Helper()
	l.keep(t)
	sub := l.disk.Sub(l.opt.Keys)
	read := func(name string) []byte {
		b, err := fs.ReadFile(sub, name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	l.vkey = strings.TrimSpace(string(read(keys.PublicFile)))
	l.id = privateKey(t, read(keys.IdentityFile))
	var err error
	if l.mac, err = hex.DecodeString(strings.TrimSpace(string(read(keys.MACFile)))); err != nil {
		t.Fatal(err)
	}
	l.files = filesOf(t, l.disk)
	for _, s := range sheets(t, l.files) {
		for _, r := range s.rows {
			if r.kind() == "log_sealed" {
				_, log := payload(t, r.body)
				l.head = log["checkpoint"].(string)
			}
		}
	}
	t.Cleanup(func() {
		if err := l.log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// filesOf returns segments and state on a disk. The commit file is not among
// them: whoever cuts a log removes what has the same lines.
func filesOf(t testing.TB, disk *memfs.FS) map[string][]byte {
	t.Helper()
	sub := disk.Sub(labDir)
	entries, err := fs.ReadDir(sub, ".")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if e.IsDir() || strings.Contains(e.Name(), ".lock") || e.Name() == "audit.commit" {
			continue
		}
		if files[e.Name()], err = fs.ReadFile(sub, e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A situation is where somebody verifies, and with what.
type situation int

const (
	atHome   situation = iota // with state and keys
	inCopy                    // segments and the public key, held elsewhere
	withMAC                   // the same, and the MAC key
	withHead                  // the same as inCopy, and the newest checkpoint
	situations
)

func (s situation) String() string {
	return [...]string{"home", "copy", "copy+mac", "copy+head"}[s]
}

// report verifies files as in a situation. epochs are the verifier keys that
// lie at the log's home.
func (l *lab) report(t testing.TB, files map[string][]byte, where situation, epochs []string) *verify.Report {
	t.Helper()
	opts := verify.Options{PublicKey: l.vkey, Workers: 1, Indexes: &verify.Indexes{Made: hashOf, Digest: hashIn}}
	if where == atHome {
		opts.PublicKey, opts.Found, opts.MACSecret = "", l.vkey, l.mac
		opts.Home = &verify.Home{EpochKeys: func() ([]string, error) { return epochs, nil }}
	} else {
		files = maps.Clone(files)
		delete(files, "audit.state")
	}
	if where == withMAC {
		opts.MACSecret = l.mac
	}
	if where == withHead {
		opts.Head = l.head
	}
	r, err := verify.Log(t.Context(), logtest.FS(files), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// epochKeys returns the verifier keys at the log's home on a disk.
func (l *lab) epochKeys(t testing.TB, disk *memfs.FS) []string {
	t.Helper()
	public, err := keys.At(disk, l.opt.Keys, "").EpochKeys()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// The attackers.
type attacker int

const (
	nobody  attacker = iota // has no key
	macKey                  // has the MAC key
	today                   // has identity, MAC key and the key of the newest epoch
	oldKeys                 // took all keys in epoch 1, and has them still
	ever                    // has taken the keys of each epoch
	attackers
)

func (a attacker) String() string {
	return [...]string{"no key", "MAC key", "today's keys", "keys of epoch 1", "all keys ever"}[a]
}

func (l *lab) thief(a attacker) *thief {
	th := &thief{origin: strings.SplitN(l.vkey, "+", 2)[0], own: logtest.NewKeys("thief").Identity}
	if a >= macKey {
		th.mac = l.mac
	} else {
		th.mac = []byte("a guess at a key, of its length.")
	}
	if a >= today {
		th.identity = l.id
	}
	switch a {
	case today:
		th.epochs = l.stolen[2]
	case oldKeys:
		th.epochs = l.stolen[1]
	case ever:
		th.epochs = map[uint64]ed25519.PrivateKey{}
		for _, stolen := range l.stolen {
			maps.Copy(th.epochs, stolen)
		}
	}
	return th
}
