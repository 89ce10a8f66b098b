package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// A Table is a table with a rowid.
type Table struct {
	Columns []string // their names as they were declared, in their order
	db      *Database
	root    uint32
	rowid   int // the column that is the rowid, -1 for none
}

// A Row is one row. A value is nil, an int64, a float64, a string or a []byte.
type Row struct {
	ID     int64
	Values []any // as many as there are columns; nil for one that was added later
}

// ErrNoTable says that there is no table of that name.
var ErrNoTable = errors.New("no such table")

// Table returns the table of that name.
func (d *Database) Table(name string) (*Table, error) {
	schema := Table{Columns: []string{"type", "name", "tbl_name", "rootpage", "sql"}, db: d, root: 1, rowid: -1}
	for row, err := range schema.Rows(minRowID) {
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		root, _ := row.Values[3].(int64)
		text, _ := row.Values[4].(string)
		if row.Values[0] != "table" || row.Values[1] != name {
			continue
		}
		columns, rowid, err := parseColumns(text)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		if root < 1 || root > int64(d.pages) {
			return nil, fmt.Errorf("table %s: its root is page %d of %d", name, root, d.pages)
		}
		return &Table{Columns: columns, db: d, root: uint32(root), rowid: rowid}, nil
	}
	return nil, fmt.Errorf("table %s: %w", name, ErrNoTable)
}

// minRowID is less than any rowid of a table that SQLite filled by itself.
const minRowID = -1 << 63

// Rows returns the rows whose rowid is greater than after, in the order of their
// rowids. An error ends them: the database is damaged, or cannot be read.
func (t *Table) Rows(after int64) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		w := walk{table: t, after: after, seen: make(pageSet), yield: yield}
		if err := w.page(t.root, 0); err != nil && !errors.Is(err, errStop) {
			yield(Row{}, err)
		}
	}
}

// maxDepth is deeper than any b-tree is of at most 2^32 pages, each with two
// children at least.
const maxDepth = 32

// errStop: the caller wants no more rows.
var errStop = errors.New("stop")

// A walk goes through a table's b-tree.
//
//	page:     type (5 interior, 13 leaf), first free block, cells, where cells
//	          begin, fragments; of an interior page the last child; then where each
//	          cell is
//	interior: child, greatest rowid in it
//	leaf:     length of the record, rowid, the record, and where it goes on
type walk struct {
	table *Table
	after int64
	last  int64 // the rowid before; they rise
	begun bool  // there was one
	seen  pageSet
	yield func(Row, error) bool
}

// A pageSet is numbers of pages, a bit for each: page n is bit n%64 of element n/64.
// It grows by what is read and not by how many pages a file says that it has.
type pageSet map[uint32]uint64

// add adds a page and reports whether it was not there.
func (s pageSet) add(number uint32) bool {
	bit := uint64(1) << (number % 64)
	old := s[number/64]
	s[number/64] = old | bit
	return old&bit == 0
}

const (
	interiorPage = 5
	leafPage     = 13
)

func (w *walk) page(number uint32, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d is more than %d pages deep", number, maxDepth)
	}
	page, err := w.read(number)
	if err != nil {
		return err
	}
	page = page[:w.table.db.usable]
	head := page
	if number == 1 {
		head = page[headerSize:]
	}
	switch head[0] {
	case interiorPage:
		return w.interior(page, head, number, depth)
	case leafPage:
		return w.leaf(page, head, number)
	}
	return fmt.Errorf("page %d is of type %d, which no table has", number, head[0])
}

// read returns a page that the walk did not read before. A page has one place in one
// b-tree or in one row's overflow: whoever leads to it again would have a small file
// read for hours, or as rows of any length.
func (w *walk) read(number uint32) ([]byte, error) {
	page, err := w.table.db.page(number)
	if err != nil {
		return nil, err
	}
	if !w.seen.add(number) {
		return nil, fmt.Errorf("page %d is used twice", number)
	}
	return page, nil
}

// cells returns where the cells of a page begin.
func cells(page, head []byte, size int, number uint32) ([]uint16, error) {
	n := int(binary.BigEndian.Uint16(head[3:]))
	if len(head) < size+2*n {
		return nil, fmt.Errorf("page %d has %d cells", number, n)
	}
	at := make([]uint16, n)
	for i := range at {
		at[i] = binary.BigEndian.Uint16(head[size+2*i:])
		if int(at[i]) >= len(page) {
			return nil, fmt.Errorf("page %d has a cell past its end", number)
		}
	}
	return at, nil
}

func (w *walk) interior(page, head []byte, number uint32, depth int) error {
	at, err := cells(page, head, 12, number)
	if err != nil {
		return err
	}
	for _, from := range at {
		cell := page[from:]
		if len(cell) < 5 {
			return fmt.Errorf("page %d has a cell past its end", number)
		}
		key, n := varint(cell[4:])
		if n == 0 {
			return fmt.Errorf("page %d has a cell past its end", number)
		}
		if key <= w.after {
			continue // so is everything in there
		}
		if err := w.page(binary.BigEndian.Uint32(cell), depth+1); err != nil {
			return err
		}
	}
	return w.page(binary.BigEndian.Uint32(head[8:]), depth+1)
}

func (w *walk) leaf(page, head []byte, number uint32) error {
	at, err := cells(page, head, 8, number)
	if err != nil {
		return err
	}
	held := 0 // bytes of the cells: more than the page has, and they share some
	for _, from := range at {
		cell := page[from:]
		size, n := varint(cell)
		id, m := varint(cell[n:])
		if n == 0 || m == 0 {
			return fmt.Errorf("page %d has a cell past its end", number)
		}
		if w.begun && id <= w.last {
			return fmt.Errorf("page %d: rowid %d is out of order", number, id)
		}
		w.last, w.begun = id, true
		if id <= w.after {
			continue
		}
		if held += n + m + w.table.db.inside(size); held > len(page) {
			return fmt.Errorf("page %d has cells that overlap", number)
		}
		if err := w.row(id, size, cell[n+m:]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) row(id, size int64, local []byte) error {
	record, err := w.payload(size, local)
	if err != nil {
		return fmt.Errorf("row %d: %w", id, err)
	}
	values, err := decodeRecord(record, len(w.table.Columns))
	if err != nil {
		return fmt.Errorf("row %d: %w", id, err)
	}
	if i := w.table.rowid; i >= 0 {
		values[i] = id
	}
	if !w.yield(Row{ID: id, Values: values}, nil) {
		return errStop
	}
	return nil
}

// MaxRow is the longest row that is read: it is held whole in memory.
const MaxRow = 32 << 20

// payload returns a record of size bytes that begins in local and goes on in
// overflow pages, each of which begins with the number of the next.
func (w *walk) payload(size int64, local []byte) ([]byte, error) {
	if size < 0 || size > MaxRow {
		return nil, fmt.Errorf("it has %d bytes, at most %d are read", size, MaxRow)
	}
	d := w.table.db
	inside := d.inside(size)
	if len(local) < inside {
		return nil, errors.New("it ends past its page")
	}
	if inside == int(size) {
		return local[:inside], nil
	}
	if len(local) < inside+4 {
		return nil, errors.New("it ends past its page")
	}
	record := append(make([]byte, 0, min(size, 1<<16)), local[:inside]...)
	next := binary.BigEndian.Uint32(local[inside:])
	for len(record) < int(size) {
		page, err := w.read(next)
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(page)
		record = append(record, page[4:min(d.usable, 4+int(size)-len(record))]...)
	}
	return record, nil
}

// inside returns how many bytes of a record of that size stand in its leaf page.
func (d *Database) inside(size int64) int {
	most := d.usable - 35
	if size <= int64(most) {
		return int(max(size, 0))
	}
	least := (d.usable-12)*32/255 - 23
	if k := least + int((size-int64(least))%int64(d.usable-4)); k <= most {
		return k
	}
	return least
}
