package verify

import (
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// FuzzLog gives the verifier files of any bytes. It must come to an end, hold
// to its bounds, and find the same both ways it reads.
func FuzzLog(f *testing.F) {
	files := small(logtest.Options{}).Files()
	f.Add(files["audit.000001.log"], files["audit.000002.log"], files["audit.log"], files["audit.state"], byte(3))
	plain := small(logtest.Options{Unsigned: true}).Files()
	f.Add(plain["audit.000001.log"], plain["audit.000002.log"], plain["audit.log"], []byte{}, byte(0))
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
