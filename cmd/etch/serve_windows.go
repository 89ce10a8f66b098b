package main

import "net"

// openFiles returns how many files this process may have open: there is no such limit.
func openFiles() uint64 { return 1 << 30 }

// listenPrivately listens on a socket. Who gets to it the directory says.
func listenPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
