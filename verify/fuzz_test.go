package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// FuzzLog gives the verifier files of any bytes. It must come to an end, hold
// to its bounds, and find the same both ways it reads.
func FuzzLog(f *testing.F) {
	files := tiny().Files()
	f.Add(files["audit.000001.log"], []byte{}, files["audit.log"], files["audit.state"], byte(3))
	plain := made(logtest.Options{Unsigned: true}, events(1), (*logtest.Log).Rotate, events(1), (*logtest.Log).Rotate)
	f.Add(plain["audit.000001.log"], plain["audit.000002.log"], plain["audit.log"], plain["audit.state"], byte(0))
	huge := hugeSeq()
	f.Add(huge, bytes.Repeat(huge, 2), huge, []byte{}, byte(0))
	f.Add([]byte{}, []byte("\n"), []byte("{}"), []byte("etchst"), byte(1))
	f.Fuzz(func(t *testing.T, first, second, active, state []byte, who byte) {
		log := logtest.FS(map[string][]byte{
			"audit.000001.log": first, "audit.000002.log": second, "audit.log": active, "audit.state": state,
		})
		var opts Options
		if who&1 != 0 {
			opts = atHome(smallEpoch)
		}
		if who&2 != 0 {
			opts.PublicKey = keys.VKey()
		}
		r := judged(t, log, opts)
		if len(r.Faults) > maxFaults || r.ExitCode() == 1 != (r.FaultCount > 0) {
			t.Errorf("%d faults of %d, exit %d", len(r.Faults), r.FaultCount, r.ExitCode())
		}
	})
}

// hugeSeq returns a segment that claims to begin at the last number there is,
// with a frontier of as many hashes as that has bits.
func hugeSeq() []byte {
	const seq = "18446744073709551615"
	hash, err := json.Marshal(strings.Repeat("A", 43) + "=")
	if err != nil {
		panic(err) // a string has a JSON form
	}
	frontier := strings.Repeat(string(hash)+",", 63) + string(hash)
	return fmt.Appendf(nil, `{"seq":%s,"timestamp":"2026-02-16T12:00:00.000000Z","event_type":"log_opened","log":`+
		`{"origin":"%s","segment":1,"size":%[1]s,"frontier":[%s],"identity_key":"%s","epoch_key":"%s"}}`+"\n%[6]s",
		seq, keys.Origin(), frontier, keys.VKey(), keys.EpochVKey(0), forged(0, "x"))
}
