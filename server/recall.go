package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
)

const (
	// recallRecords and recallBytes are how much of the log's end is read for what
	// senders may send again: some seconds of one core.
	recallRecords = 1 << 19
	recallBytes   = 256 << 20
	// maxAhead is how far in the future a control record of the log's may be dated by a
	// clock that was set since.
	maxAhead = 2 * time.Minute
	// madeAnew begins the ids that a log, a client or a hook makes for an event when it
	// happens: none of them is made of an event's content.
	madeAnew = "evt_"
)

// A recollection says how much of the log is read, and whether it is.
type recollection struct {
	records int
	bytes   int
	wanted  atomic.Uint64 // how often there was a reason to read it

	mu   sync.Mutex // held while the log is read
	read uint64     // guarded by mu: wanted when it was read last
}

// recall reads the end of the log, unless that was done, for what its senders have had
// recorded by a server before this one, or by this one which was not told whether it is.
// It reads backwards, up to the bounds or to a control record of before the time that
// counts: events are dated by their senders, control records by the log.
func (s *Server) recall(ctx context.Context) error {
	r := &s.recalled
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := r.wanted.Load()
	if r.read == wanted {
		return nil
	}
	found, err := s.readBack(ctx)
	if err != nil {
		return err
	}
	for sender, newestFirst := range found {
		own := &s.account(sender).recent
		slices.Reverse(newestFirst)
		own.mu.Lock()
		own.ids.before(newestFirst)
		own.mu.Unlock()
	}
	r.read = wanted
	return nil
}

// readBack returns what each sender has had recorded, the newest first.
func (s *Server) readBack(ctx context.Context) (map[Sender][]came, error) {
	found := make(map[Sender][]came)
	at := s.opt.Now() // no record that is still to be read was made later
	oldest := at.Add(-repeatAge - maxAhead)
	records, bytes := 0, 0
	for rec, err := range s.log.Records(ctx, etch.Query{AllPhases: true, Control: true, Reverse: true}) {
		_, damage := errors.AsType[*etch.CorruptionError](err)
		if err != nil && !damage {
			return nil, errUnread(err)
		}
		if s.isDraining() {
			return nil, ErrShuttingDown
		}
		records, bytes = records+1, bytes+len(rec.Raw)
		switch {
		case damage: // a line that cannot be read vouches for no event
		case rec.IsControl():
			if rec.Event.Timestamp.Before(oldest) {
				return found, nil
			}
			if rec.Event.Timestamp.Before(at) {
				at = rec.Event.Timestamp
			}
		default:
			sender, ok := signedBy(&rec.Event)
			if ok && len(found[sender]) < maxRecent {
				found[sender] = append(found[sender], came{repeatOf(rec.Event.ID), at.UnixNano()})
			}
		}
		if records >= s.recalled.records || bytes >= s.recalled.bytes {
			break
		}
	}
	return found, nil
}

// signedBy returns who has had an event recorded that may be sent again, as far as
// accounts tell senders apart.
func signedBy(ev *etch.Event) (Sender, bool) {
	if ev.ID == "" || strings.HasPrefix(ev.ID, madeAnew) {
		return Sender{}, false
	}
	if token := ev.Labels[LabelSenderToken]; token != "" {
		return Sender{UID: -1, Token: token}, true
	}
	uid, err := strconv.Atoi(ev.Labels[LabelSenderUID])
	return Sender{UID: uid}, err == nil
}
