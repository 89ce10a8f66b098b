package archive_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/etch-audit/etch/internal/archive"
)

// A piece is one frame of a mutant, and what a table is to say of it.
type piece struct {
	b     []byte
	plain int
}

// A mutator makes an archive out of frames and of a script that says what is done
// to them: a byte for each choice, zeros behind its end.
type mutator struct {
	t      testing.TB
	script []byte
	frames []piece
}

// pick returns one of n choices.
func (m *mutator) pick(n int) int {
	if len(m.script) == 0 {
		return 0
	}
	b := int(m.script[0])
	m.script = m.script[1:]
	return b % n
}

// at returns the place of a frame, 0 where there is none.
func (m *mutator) at() int { return m.pick(max(1, len(m.frames))) }

// summing makes frames for their checksums.
var summing = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderCRC(true), zstd.WithZeroFrames(true), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<10))
})

// checksum returns what a frame of some bytes ends with.
func checksum(t testing.TB, plain []byte) []byte {
	t.Helper()
	e, err := summing()
	if err != nil {
		t.Fatal(err)
	}
	b := e.EncodeAll(plain, nil)
	return b[len(b)-4:]
}

// stored returns a frame of one block that is not compressed, and claims to have
// some plain bytes: -1, it does not say.
func stored(t testing.TB, plain []byte, claim int, summed bool) []byte {
	t.Helper()
	b := []byte("\x28\xb5\x2f\xfd")
	flags := byte(0)
	if summed {
		flags = 1 << 2
	}
	if claim < 0 {
		b = append(b, flags, 0x38) // a window of 128 KiB
	} else {
		b = binary.LittleEndian.AppendUint32(append(b, flags|2<<6|1<<5), uint32(claim)) // of 4 bytes, a single segment
	}
	head := len(plain)<<3 | 1
	b = append(append(b, byte(head), byte(head>>8), byte(head>>16)), plain...)
	if summed {
		b = append(b, checksum(t, plain)...)
	}
	return b
}

// newFrame returns a frame of one of the kinds there are.
func (m *mutator) newFrame() piece {
	line := bytes.Repeat([]byte{'{', byte('a' + m.pick(26)), '}', '\n'}, 1+m.pick(40))
	n := len(line)
	switch m.pick(11) {
	case 0, 1, 2:
		return piece{stored(m.t, line, n, true), n}
	case 3:
		return piece{stored(m.t, line, n, false), n} // without a checksum
	case 4:
		return piece{stored(m.t, line, -1, m.pick(2) == 0), n} // its size not said
	case 5:
		return piece{stored(m.t, line, n+1+m.pick(9), true), n} // it says that it has more
	case 6:
		return piece{stored(m.t, line, m.pick(n), true), n} // or less, or nothing
	case 7:
		return piece{stored(m.t, nil, m.pick(3)-1, m.pick(2) == 0), 0} // it has none
	case 8:
		return piece{archive.AppendSkip(nil, 0x184D2A50+uint32(m.pick(16)), line), 0}
	case 9:
		return piece{archive.AppendSkip(nil, archive.MagicMark, []byte(archive.Mark + string(line))[:m.pick(45)%(n+8)]), 0}
	}
	bad := stored(m.t, line, n, true)
	bad[len(bad)-1-m.pick(n)] ^= 1
	return piece{bad, n}
}

// table returns the digest and a table of all frames, or of what it says they are.
func (m *mutator) table() []byte {
	var entries [][2]uint32
	for _, f := range m.frames {
		entries = append(entries, [2]uint32{uint32(len(f.b)), uint32(f.plain)})
	}
	for range m.pick(4) {
		i := m.pick(max(1, len(entries)))
		if i+1 >= len(entries) {
			break
		}
		switch m.pick(6) {
		case 0: // two are one
			entries[i][0] += entries[i+1][0]
			entries[i][1] += entries[i+1][1]
			entries = slices.Delete(entries, i+1, i+2)
		case 1: // it hides one
			entries[i][1] = 0
		case 2: // two are one, of the bytes of the first
			entries[i][0] += entries[i+1][0]
			entries = slices.Delete(entries, i+1, i+2)
		case 3: // what a skippable frame has within it is one
			entries[i][0] -= 8
			entries = slices.Insert(entries, i, [2]uint32{8, 0})
		case 4: // the plain bytes are another's
			entries[i][1], entries[i+1][1] = entries[i+1][1], entries[i][1]
		case 5:
			entries = slices.Insert(entries, i, [2]uint32{0, uint32(m.pick(2) * 4)})
		}
	}
	var b []byte
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e[0])
		b = binary.LittleEndian.AppendUint32(b, e[1])
	}
	return archive.AppendEnd(nil, b)
}

// mutate does one thing to the frames.
func (m *mutator) mutate() {
	i := m.at()
	if len(m.frames) == 0 {
		m.frames = append(m.frames, m.newFrame())
		return
	}
	switch m.pick(10) {
	case 0:
		m.frames = slices.Delete(m.frames, i, i+1)
	case 1:
		m.frames = slices.Insert(m.frames, m.at(), m.frames[i])
	case 2:
		k := m.at()
		m.frames[i], m.frames[k] = m.frames[k], m.frames[i]
	case 3, 4:
		m.frames = slices.Insert(m.frames, i, m.newFrame())
	case 5: // a skippable one around it
		m.frames[i] = piece{archive.AppendSkip(nil, 0x184D2A50+uint32(m.pick(16)), m.frames[i].b), 0}
	case 6: // and around all from there on
		var rest []byte
		for _, f := range m.frames[i:] {
			rest = append(rest, f.b...)
		}
		m.frames = append(m.frames[:i], piece{archive.AppendSkip(nil, archive.MagicMark+uint32(m.pick(2)*7), rest), 0})
	case 7: // a table that is not the last
		m.frames = slices.Insert(m.frames, i, piece{m.table(), 0})
	case 8: // it stops somewhere
		b := m.frames[i].b
		m.frames[i].b = b[:len(b)-m.pick(len(b)+1)]
	case 9:
		m.frames[0] = piece{archive.AppendSkip(nil, archive.MagicMark, []byte(archive.Mark)), 0}
	}
}

// file makes the file of the frames, and of what may end it.
func (m *mutator) file() []byte {
	var b []byte
	for _, f := range m.frames {
		b = append(b, f.b...)
	}
	end := m.table()
	switch m.pick(12) {
	case 0:
		return b
	case 1: // wrapped, where only the last bytes are looked at
		entries := end[48+8 : len(end)-9]
		entries = binary.LittleEndian.AppendUint32(slices.Clip(entries[:len(entries)-8]), 8)
		end = archive.AppendEnd(nil, append(entries, 0, 0, 0, 0))
		return append(b, archive.AppendSkip(nil, 0x184D2A50, end)...)
	case 2:
		return append(append(b, end...), end...)
	case 3:
		return append(append(b, end...), "\x50\x2a\x4d\x18\x01\x00\x00\x00x"[:m.pick(10)]...)
	case 4:
		end[48-1-m.pick(32)] ^= 1 // of the digest
	case 5: // the table is longer than it says
		end[48+8+m.pick(max(1, len(end)-48-17))]++
		return append(b, end...)
	case 6:
		end = slices.Insert(end, 48+8, make([]byte, 8)...)
		binary.LittleEndian.PutUint32(end[48+4:], uint32(len(end)-48-8))
		return append(b, end...)
	case 7: // a digest without its mark
		end = slices.Delete(end, 8, 16)
		binary.LittleEndian.PutUint32(end[4:], 32)
		return append(b, end...)
	}
	return append(b, end...)
}

// mutant makes a file of a script.
func mutant(t testing.TB, script []byte) []byte {
	t.Helper()
	m := &mutator{t: t, script: script}
	if m.pick(4) > 0 {
		m.frames = append(m.frames, piece{archive.AppendSkip(nil, archive.MagicMark, []byte(archive.Mark)), 0})
	}
	for i := range 1 + m.pick(5) {
		line := bytes.Repeat([]byte{'{', byte('0' + i), '}', '\n'}, 3+i)
		m.frames = append(m.frames, piece{stored(t, line, len(line), true), len(line)})
	}
	for range m.pick(4) {
		m.mutate()
	}
	return m.file()
}

// agree returns an error unless Decompress and a Reader show the same bytes of a
// file or both refuse it; and up to where Decompress does that, the Reader must show
// the same bytes or refuse before. It says whether they show it.
func agree(t *testing.T, file []byte) (shown bool, err error) {
	t.Helper()
	want, streamErr := decompress(file)
	known(t, "Decompress", streamErr)
	r, err := archive.NewReader(bytes.NewReader(file), int64(len(file)))
	known(t, "NewReader", err)
	if err != nil && streamErr == nil {
		return true, fmt.Errorf("Decompress reads %d bytes, NewReader: %w", len(want), err)
	}
	if err != nil {
		return false, nil
	}
	for _, piece := range []int{0, 7} {
		got, err := readAll(r, piece)
		known(t, "ReadAt", err)
		if (err == nil) != (streamErr == nil) {
			return false, fmt.Errorf("Decompress: %d bytes, %v; a Reader: %d bytes, %w", len(want), streamErr, len(got), err)
		}
		n := min(len(got), len(want))
		if !bytes.Equal(got[:n], want[:n]) || err == nil && len(got) != len(want) {
			return false, fmt.Errorf("Decompress reads\n%q\na Reader\n%q\n%w", want, got, err)
		}
	}
	return streamErr == nil, nil
}

// Whatever somebody makes of an archive's frames: what is verified of it is what
// is shown of it.
func TestMutants(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	shown, mutants := 0, 10_000
	if testing.Short() {
		mutants = 1000
	}
	for range mutants {
		script := make([]byte, rng.IntN(40))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		ok, err := agree(t, mutant(t, script))
		if err != nil || t.Failed() {
			t.Fatalf("script %x: %v", script, err)
		}
		if ok {
			shown++
		}
	}
	t.Logf("of %d mutants %d are shown", mutants, shown)
	if shown < mutants/20 || shown > mutants*19/20 {
		t.Errorf("of %d mutants %d are shown: they are of one kind", mutants, shown)
	}
}

// FuzzMutants is the same of scripts that somebody looks for.
func FuzzMutants(f *testing.F) {
	f.Add([]byte{1, 4, 0})
	f.Add([]byte{0, 3, 1, 0, 3, 2, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		if _, err := agree(t, mutant(t, script)); err != nil {
			t.Error(err)
		}
	})
}

// A table in a skippable frame at the end of a file that does not begin as Write
// begins one is no table: it could hide any frame, and bring in what is in another.
func TestTableInAFrame(t *testing.T) {
	plain := []byte("{a}\n{b}\n{c}\n")
	for name, insert := range map[string][]byte{"hidden": nil, "put in": stored(t, []byte("{X}\n"), 4, true)} {
		var file, entries []byte
		add := func(b []byte, plain uint32) {
			file = append(file, b...)
			entries = binary.LittleEndian.AppendUint32(entries, uint32(len(b)))
			entries = binary.LittleEndian.AppendUint32(entries, plain)
		}
		add(stored(t, plain[:4], 4, true), 4)
		add(stored(t, plain[4:8], 4, true), 0) // it says
		if insert != nil {
			head := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
			add(binary.LittleEndian.AppendUint32(head, uint32(len(insert))), 0)
			add(insert, 4)
		}
		add(stored(t, plain[8:], 4, true), 4)
		entries = binary.LittleEndian.AppendUint32(entries, 8) // the header of what the end is in
		entries = append(entries, 0, 0, 0, 0)
		bare := append(slices.Clone(file), archive.AppendEnd(nil, entries[:len(entries)-8])...)
		file = append(file, archive.AppendSkip(nil, 0x184D2A50, archive.AppendEnd(nil, slices.Clone(entries)))...)
		got, err := decompress(file)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: decompressed: %q, %v; want %q", name, got, err, plain)
		}
		if got, err := readAll(reader(t, file), 5); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: read: %q, %v; want %q", name, got, err, plain)
		}
		for begins, b := range map[string][]byte{"without": bare, "with": append(archive.AppendSkip(nil, archive.MagicMark, []byte(archive.Mark)), bare...)} {
			if _, err := decompress(b); err == nil {
				t.Errorf("%s, a table as etch has one, %s the mark: decompressed", name, begins)
			}
			if _, err := readAll(reader(t, b), 5); err == nil {
				t.Errorf("%s, a table as etch has one, %s the mark: read", name, begins)
			}
		}
	}
}
