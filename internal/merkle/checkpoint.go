package merkle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A Checkpoint is a tree's size and root under the log's name: the text that
// C2SP tlog-checkpoint v1.0.0 describes, without extension lines.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Text returns the checkpoint's note text: three lines.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// ParseCheckpoint reads the text of a checkpoint, in its one form.
func ParseCheckpoint(text string) (Checkpoint, error) {
	var c Checkpoint
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return c, errors.New("checkpoint is not three lines")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return c, fmt.Errorf("checkpoint size %q is not a number in its shortest form", lines[1])
	}
	root, err := ParseHash(lines[2])
	if err != nil {
		return c, fmt.Errorf("checkpoint root: %w", err)
	}
	return Checkpoint{lines[0], size, root}, nil
}

// SignNote returns the checkpoint as a signed note.
func SignNote(c Checkpoint, signers ...note.Signer) (string, error) {
	msg, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(msg), nil
}

// OpenNote checks that every one of the verifiers has signed the note, and
// returns its checkpoint. Signatures by others are ignored, as C2SP signed-note asks.
func OpenNote(msg string, verifiers ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open([]byte(msg), note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	for _, v := range verifiers {
		if !signedBy(n, v) {
			return Checkpoint{}, fmt.Errorf("checkpoint is not signed by key %s+%08x", v.Name(), v.KeyHash())
		}
	}
	return ParseCheckpoint(n.Text)
}

func signedBy(n *note.Note, v note.Verifier) bool {
	for _, s := range n.Sigs {
		if s.Name == v.Name() && s.Hash == v.KeyHash() {
			return true
		}
	}
	return false
}

// PeekNote returns the checkpoint of a note whose signatures are not checked.
// What it says is the word of whoever wrote it.
func PeekNote(msg string) (Checkpoint, error) {
	i := strings.LastIndex(msg, "\n\n") // as note.Open does
	if i < 0 {
		return Checkpoint{}, errors.New("checkpoint note has no signatures")
	}
	return ParseCheckpoint(msg[:i+1])
}

// OriginPrefix begins the name of every log.
const OriginPrefix = "etch.log/"

// Origin returns the name of the log whose epoch 0 uses the Ed25519 public key
// pub. Because the name ends in the key's hash, a verifier that knows the
// name accepts no other beginning.
func Origin(pub []byte) string {
	sum := sha256.Sum256(pub)
	return OriginPrefix + hex.EncodeToString(sum[:])
}

// PublicKey returns the Ed25519 public key of a note verifier key.
func PublicKey(vkey string) ([]byte, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	// The form is NAME+HASH+BASE64(0x01 ‖ key); note.NewVerifier has checked it.
	_, rest, _ := strings.Cut(strings.TrimPrefix(vkey, v.Name()+"+"), "+")
	b, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	return b[1:], nil
}
