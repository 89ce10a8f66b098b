package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

// small returns plain bytes of three frames, and their archive.
func small(t testing.TB) (plain, file []byte) {
	t.Helper()
	for i := range 1200 {
		plain = append(plain, `{"seq":`...)
		plain = append(plain, byte('0'+i%10), '}', '\n')
	}
	return plain, pack(t, plain)
}

// judge reads a file that may be damaged in every way there is. Whatever is
// given out must be the bytes that were archived, in their place, and less
// than all of them only with an error.
func judge(t *testing.T, what string, plain, file []byte) (readerErr, streamErr error) {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		if !errors.Is(err, archive.ErrUnsupported) {
			t.Errorf("%s: NewReader: %v", what, err)
		}
		readerErr = err
	} else {
		readerErr = judgeReader(t, what, plain, r)
	}
	b, streamErr := decompress(file)
	if !bytes.HasPrefix(plain, b) || len(b) < len(plain) && streamErr == nil {
		t.Errorf("%s: decompressed to %d bytes, %v; want a beginning of %d", what, len(b), streamErr, len(plain))
	}
	known(t, what, streamErr)
	if readerErr != nil && streamErr == nil {
		t.Errorf("%s: a reader finds damage where Decompress finds none: %v", what, readerErr)
	}
	return readerErr, streamErr
}

func judgeReader(t *testing.T, what string, plain []byte, r *archive.Reader) (first error) {
	t.Helper()
	buf := make([]byte, 700)
	for at := int64(0); at < r.Size(); {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), r.Size()-at)], at)
		if at+int64(n) > int64(len(plain)) || !bytes.Equal(buf[:n], plain[at:at+int64(n)]) {
			t.Fatalf("%s: other bytes at %d", what, at)
		}
		at += int64(n)
		if err == nil {
			continue
		}
		known(t, what, err)
		if first == nil {
			first = err
		}
		damage, ok := errors.AsType[*archive.DamageError](err)
		if !ok || damage.Next < 0 {
			break
		}
		if damage.Next <= at || damage.Offset > at {
			t.Fatalf("%s: damage at %d ends at %d, met at %d", what, damage.Offset, damage.Next, at)
		}
		at = damage.Next
	}
	if first == nil && r.Size() != int64(len(plain)) {
		t.Errorf("%s: size is %d, want %d or an error", what, r.Size(), len(plain))
	}
	return first
}

// known checks that an error is one of those that are promised, and none that
// a caller takes for the end of the file.
func known(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrUnsupported) {
		t.Errorf("%s: error is %v", what, err)
	}
}

func TestEveryByteFlipped(t *testing.T) {
	plain, file := small(t)
	t.Logf("%d bytes", len(file))
	silent := 0
	for i := range file {
		for _, flip := range []byte{0x01, 0x80, 0xff, 0x20} {
			bad := bytes.Clone(file)
			bad[i] ^= flip
			_, streamErr := judge(t, "flip", plain, bad)
			if streamErr == nil {
				silent++
			}
		}
	}
	// Compressed blocks have bits that pad or that no decoder looks at. All
	// else is noticed.
	if silent > len(file)/20 {
		t.Errorf("of %d flips %d were not noticed", 4*len(file), silent)
	}
}

func TestEveryTruncation(t *testing.T) {
	plain, file := small(t)
	for n := range file {
		readerErr, streamErr := judge(t, "cut", plain, file[:n])
		if n < 16 {
			continue // what is left says not that it was an archive of this format
		}
		if readerErr == nil || streamErr == nil {
			t.Errorf("cut to %d of %d bytes: reader %v, decompressed %v; want damage", n, len(file), readerErr, streamErr)
		}
	}
}

// A damaged frame takes nothing with it but itself.
func TestReadingGoesOnBehindDamage(t *testing.T) {
	plain, file := small(t)
	bad := bytes.Clone(file)
	bad[60] ^= 0xff // in the first frame
	r := reader(t, bad)
	var damage *archive.DamageError
	if _, err := r.ReadAt(make([]byte, 10), 5); !errors.As(err, &damage) {
		t.Fatalf("error is %v, want damage", err)
	}
	if want := int64(512 * 10); damage.Offset != 0 || damage.Next != want || damage.File != 16 {
		t.Errorf("damage is %+v, want 0 to %d at byte 16", damage, want)
	}
	stream, err := archive.Decompress(bytes.NewReader(bad))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(stream); len(b) != 0 || !errors.As(err, &damage) || damage.Offset != 0 || damage.Skipped() != damage.Next {
		t.Errorf("decompressed: %d bytes, then %+v; want none, then the same damage", len(b), err)
	}
	if b, err := io.ReadAll(stream); err != nil || !bytes.Equal(b, plain[damage.Next:]) {
		t.Errorf("decompressed on: %d bytes, %v; want %d", len(b), err, len(plain)-int(damage.Next))
	}
	got, err := io.ReadAll(io.NewSectionReader(r, damage.Next, r.Size()-damage.Next))
	if err != nil || !bytes.Equal(got, plain[damage.Next:]) {
		t.Errorf("behind the damage: %d bytes, %v; want %d", len(got), err, len(plain)-int(damage.Next))
	}
}

// A table that is whole in itself and lies is believed by a reader, and found
// out by Decompress, and by the reader where it touches the frame.
func TestTableThatLies(t *testing.T) {
	plain, file := small(t)
	entries := len(file) - 9 - 5*8
	for i := range 5 {
		for _, field := range []int{0, 4} {
			bad := bytes.Clone(file)
			at := entries + 8*i + field
			binary.LittleEndian.PutUint32(bad[at:], binary.LittleEndian.Uint32(bad[at:])+10)
			if field == 4 && i > 0 {
				binary.LittleEndian.PutUint32(bad[at-8:], binary.LittleEndian.Uint32(bad[at-8:])-10)
			}
			archive.Reseal(bad)
			if _, err := decompress(bad); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("entry %d, field %d: decompressed: %v, want damage", i, field, err)
			}
			r, err := archive.NewReader(bytes.NewReader(bad), int64(len(bad)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readAll(r, 0); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("entry %d, field %d: read: %v, want damage", i, field, err)
			}
		}
	}
	good := bytes.Clone(file)
	archive.Reseal(good)
	if got, err := decompress(good); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("a table that does not lie: %v", err)
	}
}

// Bytes in other places than the frames are damage too.
func TestBytesAddedBehind(t *testing.T) {
	plain, file := small(t)
	for name, more := range map[string]string{
		"a byte":            "x",
		"an archive":        string(file),
		"a skippable frame": "\x50\x2a\x4d\x18\x01\x00\x00\x00x",
	} {
		bad := append(bytes.Clone(file), more...)
		if _, err := decompress(bad); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("%s: decompressed: %v, want damage", name, err)
		}
		r := reader(t, bad)
		got, err := readAll(r, 0)
		if !errors.Is(err, archive.ErrDamaged) || !strings.HasPrefix(string(got), string(plain)) && !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: read: %d bytes, %v, want damage", name, len(got), err)
		}
	}
}

// An error of the disk says nothing of the archive.
func TestReadErrorIsNoDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	b := signedLines(rng, 9000)
	file := pack(t, b)
	for _, foreign := range []bool{false, true} {
		if foreign {
			file = foreignFiles(t, b)["one frame"]
		}
		good := reader(t, file)
		_ = good
		toggle := &toggledReader{b: file}
		r, err := archive.NewReader(toggle, int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		toggle.fail = true
		if _, err := r.ReadAt(make([]byte, 10), 1_500_000); !errors.Is(err, errSector) || errors.Is(err, archive.ErrDamaged) {
			t.Errorf("foreign %v: error is %v, want that of the disk", foreign, err)
		}
		toggle.fail = false // it was of the moment
		got := make([]byte, 10)
		if _, err := r.ReadAt(got, 1_500_000); err != nil || !bytes.Equal(got, b[1_500_000:1_500_010]) {
			t.Errorf("foreign %v: afterwards: %q, %v", foreign, got, err)
		}
		if _, err := archive.NewReader(failingReader{file, 1000}, int64(len(file))); !errors.Is(err, errSector) {
			t.Errorf("foreign %v: opened: %v", foreign, err)
		}
		stream, err := archive.Decompress(io.MultiReader(bytes.NewReader(file[:len(file)/2]), errReader{}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stream); !errors.Is(err, errSector) || errors.Is(err, archive.ErrDamaged) {
			t.Errorf("foreign %v: decompressed: %v, want the error of the disk", foreign, err)
		}
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}
}

type toggledReader struct {
	b    []byte
	fail bool
}

func (r *toggledReader) ReadAt(p []byte, off int64) (int, error) {
	if r.fail {
		return 0, errSector
	}
	return bytes.NewReader(r.b).ReadAt(p, off)
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errSector }
