//go:build !etch_broken

package broken

const enabled = false

func chosen(string) bool { return false }
