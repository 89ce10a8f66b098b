package etch

import "github.com/etch-audit/etch/internal/vfs"

// readIn has the system read in lines of a batch that are not in memory, as after a
// restart: the disk is asked for all of them at once, and not for one after another as
// each is looked at. Whether the first and the last are there says enough of the others:
// to ask about each would cost as much as to read it.
func readIn(f vfs.File, rows []place) {
	file, ok := f.(vfs.Ahead)
	if !ok || !file.Missing(rows[0].offset) && !file.Missing(rows[len(rows)-1].offset) {
		return
	}
	for _, row := range rows {
		file.ReadIn(row.offset, row.length)
	}
}
