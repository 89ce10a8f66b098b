package transcript

// noWait: no file of a directory is a pipe on Windows.
const noWait = 0
