package main

import "net"

// listenPrivately listens on a socket. Who gets to it the directory says.
func listenPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
