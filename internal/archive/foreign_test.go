package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/etch-audit/etch/internal/archive"
)

// foreignFrame is b as one frame, which may say its size.
func foreignFrame(t testing.TB, b []byte, sized bool, opts ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	e, err := zstd.NewWriter(&out, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	if sized {
		e.ResetContentSize(&out, int64(len(b)))
	}
	if _, err := io.Copy(e, onlyReader{bytes.NewReader(b)}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// foreignFiles are archives of b as other programs make them.
func foreignFiles(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	encode := func(b []byte, sized bool, opts ...zstd.EOption) []byte { return foreignFrame(t, b, sized, opts...) }
	files["one frame"] = encode(b, true)
	files["one frame, its size not said"] = encode(b, false)
	files["one frame, window 8 MiB"] = encode(b, false, zstd.WithWindowSize(8<<20))
	files["one frame, no checksum"] = encode(b, false, zstd.WithEncoderCRC(false))
	var several []byte
	for part := range slices.Chunk(b, 100_001) {
		several = append(several, encode(part, len(part)%2 == 0)...)
		several = append(several, "\x53\x2a\x4d\x18\x03\x00\x00\x00abc"...)
	}
	files["many frames, skippable ones between"] = several
	files["two frames"] = append(encode(b[:len(b)/3], false), encode(b[len(b)/3:], true)...)
	return files
}

type onlyReader struct{ io.Reader }

func TestForeignArchives(t *testing.T) {
	seed := uint64(7)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	want := signedLines(rng, 40_000) // some 17 MiB: more than is held
	for name, file := range foreignFiles(t, want) {
		t.Run(name, func(t *testing.T) {
			r := reader(t, file)
			if r.Size() != int64(len(want)) {
				t.Fatalf("size is %d, want %d", r.Size(), len(want))
			}
			for range 20 {
				at := rng.IntN(len(want))
				got := make([]byte, rng.IntN(2<<20))
				n, err := r.ReadAt(got, int64(at))
				if err != nil && (!errors.Is(err, io.EOF) || n == len(got)) || !bytes.Equal(got[:n], want[at:min(len(want), at+len(got))]) {
					t.Fatalf("%d bytes at %d: %d, %v", len(got), at, n, err)
				}
			}
			if got, err := readAll(r, 256<<10); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
			}
			if got, err := decompress(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("decompressed %d bytes, %v; want %d", len(got), err, len(want))
			}
		})
	}
}

// A large frame is read from its end without being decompressed again for each
// step: what lies before is held compressed, up to a bound, which the bytes of which
// nothing can be saved come to.
func TestForeignBackward(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	noise := make([]byte, 70<<20)
	for i := 0; i < len(noise); i += 8 {
		binary.LittleEndian.PutUint64(noise[i:], rng.Uint64())
	}
	for _, c := range []struct {
		name string
		want []byte
		most int64 // how often the file is read: to find the frame, to check it, to reach its end, and what lies before
	}{
		{"lines", signedLines(rng, 120_000), 4},
		{"noise", noise, 5},
	} {
		counted := &countingReader{b: foreignFrame(t, c.want, true)}
		r, err := archive.NewReader(counted, int64(len(counted.b)))
		if err != nil {
			t.Fatal(err)
		}
		const step = 64 << 10
		got := make([]byte, step)
		for at := len(c.want) - step; at >= 0; at -= step {
			if _, err := r.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, c.want[at:at+step]) {
				t.Fatalf("%s: at %d: %v", c.name, at, err)
			}
		}
		if times := counted.n / int64(len(counted.b)); times > c.most {
			t.Errorf("%s: the file was read %d times, want %d", c.name, times, c.most)
		}
		r.Release()
		if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, c.want[:step]) {
			t.Errorf("%s: after Release: %v", c.name, err)
		}
	}
}

type countingReader struct {
	b []byte
	n int64
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r.b).ReadAt(p, off)
	r.n += int64(n)
	return n, err
}

// Of a frame that is not held, nothing is given out before its checksum was
// found right.
func TestForeignDamageIsFoundFirst(t *testing.T) {
	want := signedLines(rand.New(rand.NewPCG(7, 0)), 10_000)
	for name, file := range foreignFiles(t, want) {
		if strings.Contains(name, "no checksum") || strings.Contains(name, "many") {
			continue
		}
		bad := bytes.Clone(file)
		bad[len(bad)-30] ^= 0x10
		r, err := archive.NewReader(bytes.NewReader(bad), int64(len(bad)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if name == "two frames" {
			if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, want[:len(got)]) {
				t.Errorf("%s: of the first: %v", name, err)
			}
		}
		if n, err := r.ReadAt(got, int64(len(want)/2)); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("%s: %d bytes, %v; want damage", name, n, err)
		}
	}
}

func TestUnsupported(t *testing.T) {
	b := signedLines(rand.New(rand.NewPCG(7, 0)), 100)
	e, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(17, b[:4096]))
	if err != nil {
		t.Fatal(err)
	}
	big := &bytes.Buffer{}
	w, err := zstd.NewWriter(big, zstd.WithWindowSize(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"dictionary": e.EncodeAll(b, nil), "window": big.Bytes()} {
		if _, err := archive.NewReader(bytes.NewReader(file), int64(len(file))); !errors.Is(err, archive.ErrUnsupported) || errors.Is(err, archive.ErrDamaged) {
			t.Errorf("%s: NewReader: %v, want %v", name, err, archive.ErrUnsupported)
		}
		if _, err := decompress(file); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, archive.ErrDamaged) {
			t.Errorf("%s: Decompress: %v, want %v", name, err, archive.ErrUnsupported)
		}
	}
}

// Many goroutines read one archive, from its own program and from another.
func TestConcurrentReaders(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	want := signedLines(rand.New(rand.NewPCG(seed, 0)), 20_000)
	for name, file := range map[string][]byte{"own": pack(t, want), "foreign": foreignFiles(t, want)["one frame"]} {
		r := reader(t, file)
		var group sync.WaitGroup
		errs := make(chan error, 8)
		for g := range 8 {
			group.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(g)))
				got := make([]byte, 600<<10)
				for range 20 {
					at, n := rng.IntN(len(want)), rng.IntN(len(got))
					n, err := r.ReadAt(got[:n], int64(at))
					if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], want[at:at+n]) {
						errs <- fmt.Errorf("%d bytes at %d: %w", n, at, err)
						return
					}
				}
			})
		}
		group.Wait()
		close(errs)
		for err := range errs {
			t.Errorf("%s: %v", name, err)
		}
	}
}
