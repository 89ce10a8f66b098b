package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// version is that of the spool's format.
const version = 0

// timeFormat is the form of every time: UTC, microseconds.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// A Key is what a log's spool is authenticated with. The nil Key is for whoever
// cannot read the log's: anybody can make what it makes.
type Key [record.KeySize]byte

// mac returns the MAC of one file's lines.
func (k *Key) mac(base string) (*record.MAC, error) {
	if k == nil {
		k = new(Key)
	}
	key, err := record.DeriveKey(k[:], record.FilePurpose, base)
	if err != nil {
		return nil, err
	}
	return record.NewMAC(key), nil
}

// macs returns the MACs that a file's lines may carry: the first proves.
func (k *Key) macs(base string) ([]*record.MAC, error) {
	open, err := (*Key)(nil).mac(base)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return []*record.MAC{nil, open}, nil
	}
	keyed, err := k.mac(base)
	return []*record.MAC{keyed, open}, err
}

// A header is what the first line says of the others.
type header struct {
	Version int      `json:"version"`
	At      string   `json:"at"`
	Since   Position `json:"since"`
	Unsure  bool     `json:"unsure,omitempty"`
}

// appendFile appends a file's content.
func appendFile(dst []byte, key *Key, base string, b *Batch) ([]byte, error) {
	mac, err := key.mac(base)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(header{version, b.At.UTC().Format(timeFormat), b.Since, b.Unsure})
	if err != nil {
		return nil, fmt.Errorf("spool header: %w", err)
	}
	dst = appendLine(dst, mac, 0, append([]byte(`"spool":`), head...))
	for i, body := range b.Bodies {
		if len(body) > record.MaxBody {
			return nil, fmt.Errorf("spool: body of %d bytes", len(body))
		}
		dst = appendLine(dst, mac, uint64(i+1), body)
	}
	return dst, nil
}

func appendLine(dst []byte, mac *record.MAC, seq uint64, body []byte) []byte {
	start := len(dst)
	dst = record.AppendOpen(dst, seq)
	dst = append(dst, body...)
	return append(mac.AppendClose(dst, start), '\n')
}

// A Content is what could be read of a file.
type Content struct {
	At     time.Time
	Since  Position
	Unsure bool
	// Proven says that the lines carry the log's MAC: who wrote them could read
	// its key. Otherwise they are merely whole.
	Proven bool
	// Closed says that this process may not read the file.
	Closed bool
	Bodies [][]byte
	// Lost is how many records the file was to have and has not: lines that are
	// torn, changed or gone. Cause says why; "" where nothing is lost.
	Lost  int
	Cause string
}

// Read reads a file. Whatever it holds, the error is one of reading it, or [ErrNewer];
// all of a file that this process may not read is lost.
func (d *Dir) Read(f File, key *Key) (*Content, error) {
	data, err := d.read(f.Name)
	if errors.Is(err, fs.ErrPermission) {
		// Another user's, or of no mode: it would keep all others back for ever.
		return &Content{Closed: true, Lost: f.Events, Cause: f.Name + " may not be read by who drains"}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseFile(data, f, key)
}

// read returns what a file holds, up to a bit more than it may.
func (d *Dir) read(name string) ([]byte, error) {
	f, err := d.fs.OpenFile(d.at(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	data := make([]byte, min(size, maxFile+1))
	n, err := f.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	return data[:n], nil
}

// parseFile reads a file's content. A line counts only with a MAC, and behind a
// first line of the same MAC: what is lost is what the name promises besides.
func parseFile(data []byte, f File, key *Key) (*Content, error) {
	c := new(Content)
	if len(data) > maxFile {
		c.Lost, c.Cause = f.Events, f.Name+" is larger than any file of a spool"
		return c, nil
	}
	macs, err := key.macs(f.base())
	if err != nil {
		return nil, err
	}
	first, rest, _ := bytes.Cut(data, []byte{'\n'})
	mac, err := c.open(first, macs)
	if errors.Is(err, ErrNewer) {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	if err != nil {
		c.Lost, c.Cause = max(f.Events, 1), f.Name+": "+err.Error()
		return c, nil
	}
	var bad error
	seq := uint64(0)
	for line := range bytes.Lines(rest) {
		body, n, err := bodyOf(line, mac)
		if err == nil && (n <= seq || n > uint64(f.Events)) {
			err = fmt.Errorf("line %d follows line %d of %d", n, seq, f.Events)
		}
		if err != nil {
			bad = err
			continue
		}
		seq = n
		c.Bodies = append(c.Bodies, body)
	}
	if c.Lost = f.Events - len(c.Bodies); c.Lost > 0 {
		c.Cause = f.Name + ": lines are missing"
		if bad != nil {
			c.Cause = f.Name + ": " + bad.Error()
		}
	}
	return c, nil
}

// open reads the first line and returns the MAC that it carries.
func (c *Content) open(line []byte, macs []*record.MAC) (*record.MAC, error) {
	l, err := record.Split(line)
	if err != nil {
		return nil, fmt.Errorf("first line: %w", err)
	}
	for i, mac := range macs {
		if mac == nil {
			continue
		}
		if err = mac.Check(l); err != nil {
			continue
		}
		var head struct{ Spool header }
		if err := json.Unmarshal(line, &head); err != nil {
			return nil, fmt.Errorf("first line: %w", err)
		}
		if head.Spool.Version > version {
			return nil, fmt.Errorf("%w: version %d, this program knows %d", ErrNewer, head.Spool.Version, version)
		}
		if head.Spool.Version != version {
			return nil, fmt.Errorf("version %d, this program knows %d", head.Spool.Version, version)
		}
		if c.At, err = time.Parse(timeFormat, head.Spool.At); err != nil {
			return nil, fmt.Errorf("first line: %w", err)
		}
		c.Since, c.Unsure, c.Proven = head.Spool.Since, head.Spool.Unsure, i == 0
		return mac, nil
	}
	return nil, fmt.Errorf("first line: %w", err)
}

// bodyOf returns the body and the number of a line that ends in a line feed and
// carries the MAC.
func bodyOf(line []byte, mac *record.MAC) (body []byte, seq uint64, err error) {
	line, whole := bytes.CutSuffix(line, []byte{'\n'})
	if !whole {
		return nil, 0, errors.New("its last line is torn")
	}
	l, err := record.Split(line)
	if err != nil {
		return nil, 0, err
	}
	if err := mac.Check(l); err != nil {
		return nil, 0, err
	}
	return l.Signed[len(`{"seq":`)+len(strconv.FormatUint(l.Seq, 10))+len(`,`):], l.Seq, nil
}

// short returns the beginning of an error's text that fits a slot.
func short(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
