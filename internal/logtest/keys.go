package logtest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Keys are a log's keys. Epoch returns the private key of any epoch.
type Keys struct {
	MAC      []byte
	Identity ed25519.PrivateKey
	Epoch    func(number uint64) ed25519.PrivateKey
}

// NewKeys returns the keys that a text stands for: the same ones every time.
func NewKeys(text string) Keys {
	seed := func(what string) []byte {
		sum := sha256.Sum256([]byte(text + "/" + what))
		return sum[:]
	}
	return Keys{
		MAC:      seed("mac"),
		Identity: ed25519.NewKeyFromSeed(seed("identity")),
		Epoch: func(number uint64) ed25519.PrivateKey {
			return ed25519.NewKeyFromSeed(seed("epoch " + strconv.FormatUint(number, 10)))
		},
	}
}

// VKey returns the identity's note verifier key: the log's public key.
func (k Keys) VKey() string { return vkey(k.Origin(), k.Identity) }

// EpochVKey returns the note verifier key of an epoch.
func (k Keys) EpochVKey(number uint64) string { return vkey(k.Origin(), k.Epoch(number)) }

func vkey(name string, key ed25519.PrivateKey) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, key), base64.StdEncoding.EncodeToString(typed(key)))
}

// typed is a public key as C2SP signed-note writes it: 1 is Ed25519.
func typed(key ed25519.PrivateKey) []byte {
	return append([]byte{1}, key.Public().(ed25519.PublicKey)...)
}

// keyHash is the key ID of C2SP signed-note.
func keyHash(name string, key ed25519.PrivateKey) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), typed(key)...))
	return binary.BigEndian.Uint32(sum[:])
}

// Note returns a signed note (C2SP signed-note), signed under one name.
func Note(text, name string, keys ...ed25519.PrivateKey) string {
	var b strings.Builder
	b.WriteString(text + "\n")
	for _, key := range keys {
		sig := binary.BigEndian.AppendUint32(nil, keyHash(name, key))
		sig = append(sig, ed25519.Sign(key, []byte(text))...)
		b.WriteString("— " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n")
	}
	return b.String()
}
