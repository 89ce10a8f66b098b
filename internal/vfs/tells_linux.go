package vfs

// SyncTellsAll says that an error of writing a file back is told to each File
// that was open on it then, at its next Sync: so a Sync that succeeds vouches for
// what others wrote to the file since it was opened here (errseq_t, Linux 4.13).
const SyncTellsAll = true
