package sqlite

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// A forged is a database that no SQLite would write, with pages of 512 bytes. Its first
// page has the table t, whose root is the second.
type forged []byte

const forgedPage = 512

func forge(pages int) forged {
	f := make(forged, pages*forgedPage)
	copy(f, magic)
	binary.BigEndian.PutUint16(f[16:], forgedPage)
	f[18], f[19] = 1, 1
	sql := "CREATE TABLE t(a)"
	record := append([]byte{6, 23, 15, 15, 1, byte(13 + 2*len(sql))}, "tablett\x02"+sql...)
	f.leaf(1, append([]byte{byte(len(record)), 1}, record...))
	return f
}

// head returns a page from where its header stands.
func (f forged) head(number int) []byte {
	if number == 1 {
		return f[headerSize:]
	}
	return f[(number-1)*forgedPage:]
}

// leaf makes a page a leaf with cells, all of them different.
func (f forged) leaf(number int, cells ...[]byte) {
	h := f.head(number)
	h[0] = leafPage
	binary.BigEndian.PutUint16(h[3:], uint16(len(cells)))
	end := forgedPage
	for i, cell := range cells {
		end -= len(cell)
		copy(f[(number-1)*forgedPage+end:], cell)
		binary.BigEndian.PutUint16(h[8+2*i:], uint16(end))
	}
}

// interior makes a page an interior one that leads n times to another.
func (f forged) interior(number, child, n int) {
	h := f.head(number)
	h[0] = interiorPage
	binary.BigEndian.PutUint16(h[3:], uint16(n))
	binary.BigEndian.PutUint32(h[8:], uint32(child))
	const cell = forgedPage - 5
	binary.BigEndian.PutUint32(h[cell:], uint32(child))
	h[cell+4] = 1
	for i := range n {
		binary.BigEndian.PutUint16(h[12+2*i:], cell)
	}
}

// logOf returns a write-ahead log with one page, which says how many pages there are.
func (f forged) logOf(number int, pages uint32) []byte {
	log := make([]byte, walHeader+frameHeader+forgedPage)
	order := binary.BigEndian
	order.PutUint32(log, walMagic|1)
	order.PutUint32(log[4:], walVersion)
	order.PutUint32(log[8:], forgedPage)
	sum := checksum{}.add(order, log[:24])
	order.PutUint32(log[24:], sum[0])
	order.PutUint32(log[28:], sum[1])
	frame := log[walHeader:]
	order.PutUint32(frame, uint32(number))
	order.PutUint32(frame[4:], pages)
	copy(frame[frameHeader:], f[(number-1)*forgedPage:number*forgedPage])
	sum = sum.add(order, frame[:8]).add(order, frame[frameHeader:])
	order.PutUint32(frame[16:], sum[0])
	order.PutUint32(frame[20:], sum[1])
	return log
}

// ends reads all rows, and fails where that takes long.
func (f forged) ends(t *testing.T, log []byte) (rows int, err error) {
	t.Helper()
	began := time.Now()
	d, err := Open(contents(f), new(contents(log)))
	if err != nil {
		t.Fatal(err)
	}
	table, err := d.Table("t")
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range table.Rows(minRowID) {
		if err != nil {
			break
		}
		if rows++; time.Since(began) > 2*time.Second {
			break
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v to read %d bytes", took, len(f)+len(log))
	}
	return rows, err
}

// TestManyWays: a few pages in which a thousand million ways lead to one that is empty,
// and a log that says that there are as many pages.
func TestManyWays(t *testing.T) {
	f := forge(6)
	for number := 2; number < 6; number++ {
		f.interior(number, number+1, 200)
	}
	f.leaf(6)
	if _, err := f.ends(t, f.logOf(6, 1<<31)); err == nil {
		t.Error("it was read without an error")
	}
}

// TestOverflowCircle: rows that go on in a page which leads to itself.
func TestOverflowCircle(t *testing.T) {
	f := forge(3)
	var cells [][]byte
	for id := range 8 {
		// 16 MiB, of which that much stands in the leaf; then where it goes on.
		const size = 16 << 20
		d := Database{usable: forgedPage}
		cell := append([]byte{0x88, 0x80, 0x80, 0x00, byte(id)}, make([]byte, d.inside(size))...)
		cells = append(cells, append(cell, 0, 0, 0, 3))
	}
	f.leaf(2, cells[:4]...)
	f.head(3)[3] = 3
	if rows, err := f.ends(t, nil); rows > 0 || err == nil {
		t.Errorf("got %d rows, %v, want an error", rows, err)
	}
}

// TestTooManyColumns: each row would take memory for all of them.
func TestTooManyColumns(t *testing.T) {
	if _, _, err := parseColumns("CREATE TABLE t(" + strings.Repeat("a,", maxDeclaration) + "a)"); err == nil {
		t.Error("a declaration of two megabytes was read")
	}
}
