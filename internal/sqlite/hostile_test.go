package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hostilePage is the size of the pages of the files that are made here.
const hostilePage = 512

// A builder makes a database page by page: page n is pages[n-1].
type builder struct{ pages [][]byte }

// newBuilder returns a database with a table t of that declaration, its root page 2.
// A declaration that does not fit goes on in the overflow pages from page 3.
func newBuilder(declaration string) *builder {
	b := &builder{}
	first := b.add()
	copy(first, magic)
	binary.BigEndian.PutUint16(first[16:], hostilePage)
	first[18], first[19] = 1, 1
	binary.BigEndian.PutUint32(first[56:], utf8Text)
	b.add()
	types := putVarint(nil, 23, 15, 15, 1, uint64(13+2*len(declaration)))
	record := append(putVarint(nil, uint64(len(types)+1)), types...)
	record = append(record, "tablett\x02"+declaration...)
	b.leaf(1, b.cell(1, record))
	return b
}

// add adds an empty page.
func (b *builder) add() []byte {
	b.pages = append(b.pages, make([]byte, hostilePage))
	return b.pages[len(b.pages)-1]
}

// cell returns a leaf's cell, and adds the overflow pages that its record takes.
func (b *builder) cell(id int64, record []byte) []byte {
	cell := putVarint(nil, uint64(len(record)), uint64(id))
	d := Database{usable: hostilePage}
	inside := d.inside(int64(len(record)))
	cell = append(cell, record[:inside]...)
	if inside == len(record) {
		return cell
	}
	cell = binary.BigEndian.AppendUint32(cell, uint32(len(b.pages)+1))
	for rest := record[inside:]; len(rest) > 0; {
		page := b.add()
		n := copy(page[4:], rest)
		if rest = rest[n:]; len(rest) > 0 {
			binary.BigEndian.PutUint32(page, uint32(len(b.pages)+1))
		}
	}
	return cell
}

// leaf makes a page a leaf of these cells.
func (b *builder) leaf(number int, cells ...[]byte) {
	page := b.pages[number-1]
	head := page
	if number == 1 {
		head = page[headerSize:]
	}
	head[0] = leafPage
	binary.BigEndian.PutUint16(head[3:], uint16(len(cells)))
	at := len(page)
	for i, cell := range cells {
		at -= len(cell)
		copy(page[at:], cell)
		binary.BigEndian.PutUint16(head[8+2*i:], uint16(at))
	}
}

// interior makes a page an interior one whose cells all are the same one, and lead,
// as its last child does, to one child.
func (b *builder) interior(number int, child uint32) {
	page := b.pages[number-1]
	cell := putVarint(binary.BigEndian.AppendUint32(nil, child), math.MaxInt64)
	at := len(page) - len(cell)
	copy(page[at:], cell)
	n := (at - 12) / 2
	page[0] = interiorPage
	binary.BigEndian.PutUint16(page[3:], uint16(n))
	binary.BigEndian.PutUint32(page[8:], child)
	for i := range n {
		binary.BigEndian.PutUint16(page[12+2*i:], uint16(at))
	}
}

// log returns a write-ahead log that holds page 1 and commits a database of that
// many pages.
func (b *builder) log(pages uint32) []byte {
	order := binary.BigEndian
	log := make([]byte, 24, walHeader+frameHeader+hostilePage)
	order.PutUint32(log, walMagic|1)
	order.PutUint32(log[4:], walVersion)
	order.PutUint32(log[8:], hostilePage)
	sum := checksum{}.add(order, log)
	log = order.AppendUint32(order.AppendUint32(log, sum[0]), sum[1])
	frame := order.AppendUint32(order.AppendUint32(nil, 1), pages)
	sum = sum.add(order, frame).add(order, b.pages[0])
	frame = append(frame, log[16:24]...)
	frame = order.AppendUint32(order.AppendUint32(frame, sum[0]), sum[1])
	return append(append(log, frame...), b.pages[0]...)
}

// putVarint appends numbers as varint reads them.
func putVarint(b []byte, numbers ...uint64) []byte {
	for _, v := range numbers {
		if v >= 1<<56 {
			for shift := 57; shift >= 8; shift -= 7 {
				b = append(b, byte(v>>shift)|0x80)
			}
			b = append(b, byte(v))
			continue
		}
		shift := 0
		for v>>shift >= 0x80 {
			shift += 7
		}
		for ; shift > 0; shift -= 7 {
			b = append(b, byte(v>>shift)|0x80)
		}
		b = append(b, byte(v&0x7f))
	}
	return b
}

var errTooMuch = errors.New("too much was read")

// A meter lets so many reads through.
type meter struct {
	*bytes.Reader
	left int
}

func (m *meter) ReadAt(b []byte, at int64) (int, error) {
	if m.left--; m.left < 0 {
		return 0, errTooMuch
	}
	return m.Reader.ReadAt(b, at)
}

// readHostile reads table t, with no more reads than each page takes for the schema
// and the table, and the headers. It returns how many rows and bytes there were.
func (b *builder) readHostile(log []byte) (rows, size int, err error) {
	data := bytes.Join(b.pages, nil)
	main := Contents{ReaderAt: &meter{bytes.NewReader(data), 2*len(b.pages) + 2}, Size: int64(len(data))}
	var c *Contents
	if log != nil {
		c = new(contents(log))
	}
	d, err := Open(main, c)
	if err != nil {
		return 0, 0, err
	}
	table, err := d.Table("t")
	if err != nil {
		return 0, 0, err
	}
	for row, err := range table.Rows(minRowID) {
		if err != nil {
			return rows, size, err
		}
		rows++
		for _, v := range row.Values {
			text, _ := v.(string)
			size += len(text)
		}
	}
	return rows, size, nil
}

// textRecord returns the record of a row whose one value is that text.
func textRecord(text string) []byte {
	types := putVarint(nil, uint64(13+2*len(text)))
	return append(append(putVarint(nil, uint64(len(types)+1)), types...), text...)
}

// TestBuilder reads what nothing is wrong with: without it the tests below could be
// refused for any reason.
func TestBuilder(t *testing.T) {
	b := newBuilder("CREATE TABLE t(a TEXT)")
	long := strings.Repeat("x", 4610)
	b.leaf(2, b.cell(1, textRecord("short")), b.cell(2, textRecord(long)), b.cell(1<<62, textRecord(long)))
	rows, size, err := b.readHostile(b.log(uint32(len(b.pages))))
	if rows != 3 || size != 9225 || err != nil {
		t.Errorf("%d rows of %d bytes, %v; want 3 of 9225", rows, size, err)
	}
}

// TestSharedChild walks five levels of pages of some 250 cells each that lead to one
// child, the last of them a leaf without rows. The log says that there are enough
// pages for that.
func TestSharedChild(t *testing.T) {
	b := newBuilder("CREATE TABLE t(a TEXT)")
	for number := 2; number < 7; number++ {
		b.add()
		b.interior(number, uint32(number+1))
	}
	b.leaf(7)
	for _, log := range [][]byte{nil, b.log(math.MaxUint32)} {
		rows, _, err := b.readHostile(log)
		if err == nil || !strings.Contains(err.Error(), "used twice") {
			t.Errorf("%d rows, %v; want a page that is used twice", rows, err)
		}
	}
}

// TestSharedOverflow reads rows whose overflow is not theirs alone: it leads to
// itself, to that of the row before, or into the b-tree.
func TestSharedOverflow(t *testing.T) {
	// Nearly MaxRow bytes, of which the fewest possible stand in the leaf.
	const least, each = 39, hostilePage - 4
	const size = least + each*((MaxRow-least)/each)
	local := make([]byte, least)
	copy(local, putVarint(nil, 5, 13+2*(size-5)))
	cell := func(id uint64, next uint32) []byte {
		return binary.BigEndian.AppendUint32(append(putVarint(nil, size, id), local...), next)
	}
	for name, next := range map[string]uint32{"itself": 3, "the tree": 2} {
		b := newBuilder("CREATE TABLE t(a TEXT)")
		binary.BigEndian.PutUint32(b.add(), next)
		b.leaf(2, cell(1, 3), cell(2, 3), cell(3, 3))
		rows, _, err := b.readHostile(b.log(math.MaxUint32))
		if rows != 0 || err == nil || !strings.Contains(err.Error(), "used twice") {
			t.Errorf("%s: %d rows, %v; want a page that is used twice", name, rows, err)
		}
	}
	b := newBuilder("CREATE TABLE t(a TEXT)")
	b.leaf(2, b.cell(1, textRecord(strings.Repeat("x", 4610))))
	first := bytes.Clone(b.pages[1][binary.BigEndian.Uint16(b.pages[1][8:]):])
	second := bytes.Clone(first)
	second[2] = 2 // the rowid, after two bytes of length
	b.leaf(2, first, second)
	rows, _, err := b.readHostile(nil)
	if rows != 1 || err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("a row's: %d rows, %v; want one and a page that is used twice", rows, err)
	}
}

// TestOverlap reads cells that begin at different bytes and share the rest: each
// would be a row nearly as long as its page.
func TestOverlap(t *testing.T) {
	const cells = 60
	b := newBuilder("CREATE TABLE t(a TEXT)")
	page := b.pages[1]
	page[0], page[4] = leafPage, cells
	// A cell is the length 100, the rowid, a header of two bytes with
	// the type of a text of 50 bytes, and that text: the cells that follow.
	for i := range cells {
		at := 140 + 4*i
		copy(page[at:], putVarint(nil, 100, uint64(i+1), 2, 13+2*50))
		binary.BigEndian.PutUint16(page[8+2*i:], uint16(at))
	}
	rows, size, err := b.readHostile(nil)
	if size > hostilePage || err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("%d rows of %d bytes, %v; want cells that overlap", rows, size, err)
	}
}

// TestDeclaration reads declarations as long as is read, and longer.
func TestDeclaration(t *testing.T) {
	columns := func(n int) string { return "CREATE TABLE t(a" + strings.Repeat(",a", n-1) + ")" }
	for n, want := range map[int]string{1: "", maxColumns: "", maxColumns + 1: "columns", 200_000: "columns", 600_000: "bytes"} {
		b := newBuilder(columns(n))
		b.leaf(2, b.cell(1, textRecord("x")))
		rows, _, err := b.readHostile(nil)
		switch {
		case want == "" && (err != nil || rows != 1):
			t.Errorf("%d columns: %d rows, %v", n, rows, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%d columns: %v, want too many %s", n, err, want)
		}
	}
	// A comment is no column.
	sql := "CREATE TABLE t(a)--"
	got, _, err := parseColumns(sql + strings.Repeat("-", maxStatement-len(sql)))
	if diff := cmp.Diff(got, []string{"a"}); err != nil || diff != "" {
		t.Errorf("a declaration of %d bytes: %v; columns (-got +want):\n%s", maxStatement, err, diff)
	}
	if _, _, err := parseColumns(sql + strings.Repeat("-", maxStatement+1-len(sql))); err == nil {
		t.Errorf("a declaration of %d bytes was read", maxStatement+1)
	}
}
