//go:build !windows

package hookenv

// Home is the name of the variable that has the user's home directory.
const Home = "HOME"
