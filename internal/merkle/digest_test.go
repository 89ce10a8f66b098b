package merkle

import (
	"crypto/sha256"
	"testing"
)

// TestDigest compares both ways of a digest with the function itself, for
// messages that end anywhere in a block.
func TestDigest(t *testing.T) {
	message := make([]byte, 5*sha256.BlockSize)
	for i := range message {
		message[i] = byte(i * 7)
	}
	quick, plain := newDigest(), newDigest()
	if quick.state == nil {
		t.Error("the state of crypto/sha256 has another form than it had: hashing is slower than it could be")
	}
	plain.state = nil
	for name, d := range map[string]*digest{"by the state": quick, "by Sum": plain} {
		var got Hash
		for n := range message {
			if d.sum(&got, message[:n]); got != sha256.Sum256(message[:n]) {
				t.Errorf("%s, %d bytes: %v, want %v", name, n, got, Hash(sha256.Sum256(message[:n])))
			}
			left, right := Hash(sha256.Sum256(message[:n])), Hash(sha256.Sum256(message[n:]))
			if d.join(&got, &left, &right); got != Node(left, right) {
				t.Errorf("%s, %d: node %v, want %v", name, n, got, Node(left, right))
			}
		}
	}
}
