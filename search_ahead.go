package etch

import "github.com/etch-audit/etch/internal/vfs"

// closely is how far lines are from one another, on average, where a system that reads
// ahead of who reads forward has them sooner than one that is asked for each: most of
// the pages between them are wanted, and each that is asked for alone is a request of
// its own to the disk.
const closely = 8 << 10

// readIn has the system read in lines of a batch that are not in memory, as after a
// restart: the disk is asked for all of them at once, and not for one after another as
// each is looked at. Whether the first and the last are there says enough of the others:
// to ask about each would cost as much as to read it.
//
// Lines that stand closely are left to the system, which reads ahead in large pieces. It
// does not read ahead backward: they are asked for together then.
func readIn(f vfs.File, rows []place) {
	first, last := rows[0], rows[len(rows)-1]
	apart, most := last.offset-first.offset, int64(len(rows)-1)*closely
	file, ok := f.(vfs.Ahead)
	if !ok || 0 < apart && apart < most || !file.Missing(first.offset) && !file.Missing(last.offset) {
		return
	}
	if apart < 0 && -apart < most {
		file.ReadIn(last.offset, int(-apart)+first.length)
		return
	}
	for _, row := range rows {
		file.ReadIn(row.offset, row.length)
	}
}
