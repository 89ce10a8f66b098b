package merkle_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/etch-audit/etch/internal/merkle"
)

// vectors returns the path of third parties' known answers, which are read in
// place.
func vectors(t *testing.T, elem ...string) string {
	t.Helper()
	dir := os.Getenv("ETCH_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "fixtures", "vectors")
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("third parties' vectors are not here: %v", err)
	}
	return path
}

func readVector(t *testing.T, v any, elem ...string) {
	t.Helper()
	b, err := os.ReadFile(vectors(t, elem...))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readText(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(vectors(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReferenceTree(t *testing.T) {
	var v struct {
		Inputs []string `json:"leaf_inputs_hex"`
		Leaves []string `json:"leaf_hashes_hex"`
		Roots  []string `json:"root_hex_by_size"`
	}
	readVector(t, &v, "transparency-dev-merkle", "reference-tree.json")
	if len(v.Inputs) != 8 || len(v.Roots) != 9 {
		t.Fatalf("%d leaves, %d roots, want 8 and 9", len(v.Inputs), len(v.Roots))
	}
	var f merkle.Frontier
	hasher := merkle.NewLeafHasher()
	for size, root := range v.Roots {
		got := f.Root()
		if hex.EncodeToString(got[:]) != root {
			t.Errorf("size %d: root %x, want %s", size, got, root)
		}
		if size == len(v.Inputs) {
			break
		}
		input, err := hex.DecodeString(v.Inputs[size])
		if err != nil {
			t.Fatal(err)
		}
		h := hasher.Leaf(input)
		if hex.EncodeToString(h[:]) != v.Leaves[size] {
			t.Errorf("leaf %d: hash %x, want %s", size, h, v.Leaves[size])
		}
		f.Append(h)
	}
}

// A proofVector is a case of transparency-dev/merkle, of either kind.
type proofVector struct {
	LeafIdx, TreeSize, Size1, Size2 uint64
	Root, LeafHash, Root1, Root2    []byte
	Proof                           [][]byte
	WantErr                         bool
}

// hash returns b as a hash. One of another length fits nothing.
func hash(b []byte) (h tlog.Hash, ok bool) {
	if len(b) != len(h) {
		return h, false
	}
	return tlog.Hash(b), true
}

// eachProof calls check for every case below a directory.
func eachProof(t *testing.T, kind string, check func(v proofVector, proof []tlog.Hash) bool) {
	t.Helper()
	var cases int
	err := filepath.WalkDir(vectors(t, "transparency-dev-merkle", "testdata", kind), func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		var v proofVector
		b, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(b, &v)
		}
		if err != nil {
			return err
		}
		cases++
		sound := true
		var proof []tlog.Hash
		for _, p := range v.Proof {
			h, ok := hash(p)
			proof, sound = append(proof, h), sound && ok
		}
		want := !v.WantErr
		if strings.HasSuffix(path, "sizes-are-equal-one-and-proof-is-empty.json") {
			want = false // its roots are 12 bytes long
		}
		if got := sound && check(v, proof); got != want {
			t.Errorf("%s: accepted %v, want %v", path, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cases != 98 {
		t.Errorf("%d cases, want 98", cases)
	}
}

func TestInclusionVectors(t *testing.T) {
	eachProof(t, "inclusion", func(v proofVector, proof []tlog.Hash) bool {
		root, ok1 := hash(v.Root)
		leaf, ok2 := hash(v.LeafHash)
		return ok1 && ok2 && tlog.CheckRecord(proof, int64(v.TreeSize), root, int64(v.LeafIdx), leaf) == nil
	})
}

func TestConsistencyVectors(t *testing.T) {
	eachProof(t, "consistency", func(v proofVector, proof []tlog.Hash) bool {
		root1, ok1 := hash(v.Root1)
		root2, ok2 := hash(v.Root2)
		return ok1 && ok2 && tlog.CheckTree(proof, int64(v.Size2), root2, int64(v.Size1), root1) == nil
	})
}

// TestTesseraLog opens each checkpoint of another implementation's log and
// compares it with the tree of its leaves.
func TestTesseraLog(t *testing.T) {
	var facts struct {
		Origin, VKey string
		Leaves       []string
	}
	readVector(t, &facts, "transparency-dev-tessera", "facts.json")
	verifier, err := note.NewVerifier(facts.VKey)
	if err != nil {
		t.Fatal(err)
	}
	var f merkle.Frontier
	hasher := merkle.NewLeafHasher()
	for size := range len(facts.Leaves) + 1 {
		text := readText(t, "transparency-dev-tessera", "testdata", "log", fmt.Sprintf("checkpoint.%d", size))
		got, err := merkle.OpenNote(text, verifier)
		want := merkle.Checkpoint{Origin: facts.Origin, Size: uint64(size), Root: f.Root()}
		if err != nil || got != want {
			t.Errorf("checkpoint %d: %v, %v, want %v", size, got, err, want)
		}
		if _, err := merkle.OpenNote(strings.Replace(text, facts.Origin, facts.Origin+"x", 1), verifier); err == nil {
			t.Errorf("checkpoint %d of another origin is taken", size)
		}
		if size < len(facts.Leaves) {
			f.Append(hasher.Leaf([]byte(facts.Leaves[size])))
		}
	}
}

func TestSumDBCheckpoint(t *testing.T) {
	keys, err := filepath.Glob(filepath.Join(vectors(t, "sumdb-checkpoint"), "*.vkey")) // named for a host
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys beside the checkpoint, %v, want 1", len(keys), err)
	}
	key, err := os.ReadFile(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	text := readText(t, "sumdb-checkpoint", "checkpoint-35225469.note")
	got, err := merkle.OpenNote(text, verifier)
	if err != nil || got.Origin != "go.sum database tree" || got.Size != 35225469 {
		t.Errorf("checkpoint is %v, %v", got, err)
	}
	if peeked, err := merkle.PeekNote(text); peeked != got || err != nil {
		t.Errorf("PeekNote = %v, %v, want %v", peeked, err, got)
	}
}

func TestNoteExample(t *testing.T) {
	verifier, err := note.NewVerifier(strings.TrimSpace(readText(t, "c2sp-signed-note", "example.vkey")))
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(readText(t, "c2sp-signed-note", "example.note")), note.VerifierList(verifier))
	if err != nil || n.Text != "This is an example message.\n" {
		t.Errorf("note is %v, %v", n, err)
	}
}

// TestEd25519Vectors verifies Wycheproof's signatures with the implementation
// that notes use.
func TestEd25519Vectors(t *testing.T) {
	var v struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKey struct{ Pk string }
			Tests     []struct {
				TcID             int
				Msg, Sig, Result string
			}
		}
	}
	readVector(t, &v, "c2sp-wycheproof", "testvectors_v1", "ed25519_test.json")
	cases := 0
	for _, g := range v.TestGroups {
		pub, err := hex.DecodeString(g.PublicKey.Pk)
		if err != nil || len(pub) != ed25519.PublicKeySize {
			t.Fatalf("key %q: %v", g.PublicKey.Pk, err)
		}
		for _, c := range g.Tests {
			cases++
			msg, err1 := hex.DecodeString(c.Msg)
			sig, err2 := hex.DecodeString(c.Sig)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if got := ed25519.Verify(pub, msg, sig); got != (c.Result == "valid") {
				t.Errorf("case %d: valid %v, want %s", c.TcID, got, c.Result)
			}
		}
	}
	if cases != v.NumberOfTests || cases == 0 {
		t.Errorf("%d cases, want %d", cases, v.NumberOfTests)
	}
}
