package vfs

// A Mapper is a [File] whose bytes can be mapped into memory. It is optional:
// [OS] has it on unix. Windows refuses to cut or replace a file while any part
// of it is mapped, so that there a reader would stand in a writer's way.
type Mapper interface {
	// Map maps length bytes, at least one, from offset for reading, whether
	// the file has them or not. The mapping outlives the File.
	Map(offset int64, length int) (*Mapping, error)
	// Scattered touches some of a mapping of the file, and reports whether the
	// system holds it in pieces so small that to read them into a buffer takes less
	// time than to touch them in their place. Where it cannot tell, they are not. It
	// is a measurement: what it says may be another thing the next time.
	Scattered(m *Mapping) bool
}

// A Mapping is a part of a file in memory. Touching a byte that the file does
// not have, no longer has, or that cannot be read, is a fault: it ends the
// program unless [runtime/debug.SetPanicOnFault] makes it a panic. What is seen
// changes as the file is written to.
type Mapping struct {
	pages   []byte
	offset  int64 // in the file, of what is asked for
	before  int   // how many bytes of the first page are not asked for
	unmap   func(pages []byte) error
	release func(pages []byte, from, to int)
}

// Bytes returns the bytes, which must not be written to. They are valid until
// Unmap.
func (m *Mapping) Bytes() []byte { return m.pages[m.before:] }

// Offset returns where the bytes begin in the file.
func (m *Mapping) Offset() int64 { return m.offset }

// Release says that the bytes from one to before another are not needed for now,
// so that they take no memory of the program. Touching them is allowed, and
// brings them back.
func (m *Mapping) Release(from, to int) { m.release(m.pages, m.before+from, m.before+to) }

// Unmap ends the mapping. Nobody may touch its bytes any more.
func (m *Mapping) Unmap() error { return m.unmap(m.pages) }
