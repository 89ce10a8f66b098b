package question

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
)

// The questions.
const (
	oneUser    = "q1"       // the records of one user
	tenthUser  = "q1-tenth" // the same, of the first tenth of the events
	violations = "q2"       // the violations of the last 24 hours
	risky      = "q3"       // commands of high risk and above, counted by user
	rareWord   = "grep"     // the records with a rare word in their command
	newest     = "newest"   // the newest 20 records
)

// A corpus is the log that is asked, with the right answers.
type corpus struct {
	// Layout changes when other data are made.
	Layout  int               `json:"layout"`
	Events  int               `json:"events"`
	User    string            `json:"user"`
	Word    string            `json:"word"`
	Since   time.Time         `json:"since"` // of the last 24 hours, in whole seconds
	Until   time.Time         `json:"until"`
	Tenth   string            `json:"tenth"` // id of the last event of the first tenth
	Answers map[string]answer `json:"answers"`
}

const (
	layout = 1
	// word is in no command but those that are given it.
	word      = "xylograph"
	wordTimes = 7
	// aliceRank gives the user who is asked for 0.2 % of the events; in a small
	// log she would have none, and gets more.
	aliceRank = 51
	smallRank = 2
	small     = 100_000
	perBatch  = 5000
)

// makeCorpus writes the log, as its default configuration would: signed, with a
// sync now and then, in segments of 100 MiB; smaller ones where it is small, for
// it to have several. Its clock is the events': what the log writes about itself
// has the time of what it stands between.
func makeCorpus(ctx context.Context, dir string, count int) (err error) {
	if err := os.MkdirAll(filepath.Join(dir, logDir), 0o700); err != nil {
		return err
	}
	opt := &etch.Options{Rotate: etch.BySize, Durability: 100 * time.Millisecond}
	var clock atomic.Int64 // Unix nanoseconds
	opt.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	opt.MaxSize = min(etch.DefaultMaxSize, max(1<<20, int64(count)*100))
	s := events.New(events.Options{Seed: 6, Count: count, AliceRank: rankOfAlice(count)})
	first := s.Take(min(count, perBatch))
	clock.Store(first[0].Timestamp.UnixNano())
	l, err := etch.Create(filepath.Join(dir, logDir, logName), opt)
	if err != nil {
		return fmt.Errorf("make a log of %d events: %w", count, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w := witness{count: count}
	for batch, left := first, count; left > 0; batch = s.Take(min(left, perBatch)) {
		left -= len(batch)
		for i := range batch {
			batch[i] = w.see(batch[i])
		}
		clock.Store(batch[len(batch)-1].Timestamp.UnixNano())
		if _, err := l.AppendBatch(ctx, batch); err != nil {
			return fmt.Errorf("make a log of %d events: %w", count, err)
		}
	}
	text, err := json.MarshalIndent(w.corpus(), "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, corpusName), text, 0o600)
}

// rankOfAlice returns how many users are busier than she is.
func rankOfAlice(count int) int {
	if count < small {
		return smallRank
	}
	return aliceRank
}

// A witness sees the events before they are written, and so knows the answers.
type witness struct {
	count  int // events that it will see
	seen   int
	worded int // of them with the rare word

	last      time.Time
	tenth     string
	user      []string
	inTenth   int // of user
	rare      []string
	violators []violator
	byUser    map[string]uint64
}

// A violator is a violation, of which only at the end is known whether it is
// of the last day.
type violator struct {
	at time.Time
	id string
}

// see notes what the event answers, and returns it; in some commands with the
// rare word.
func (w *witness) see(ev *etch.Event) *etch.Event {
	if w.worded < wordTimes && w.seen >= w.count*w.worded/wordTimes && ev.Type == etch.CommandExecution {
		ev = withWord(ev)
		w.worded++
		w.rare = append(w.rare, ev.ID)
	}
	w.seen++
	w.last = ev.Timestamp
	if ev.Actor.Username == events.Alice {
		w.user = append(w.user, ev.ID)
	}
	if w.seen == w.count/10 {
		w.tenth, w.inTenth = ev.ID, len(w.user)
	}
	if ev.Security != nil && ev.Security.PolicyViolation {
		w.violators = append(w.violators, violator{ev.Timestamp, ev.ID})
	}
	if r := ev.Action.Risk; ev.Type == etch.CommandExecution && (r == etch.RiskHigh || r == etch.RiskCritical) {
		if w.byUser == nil {
			w.byUser = map[string]uint64{}
		}
		w.byUser[ev.Actor.Username]++
	}
	return ev
}

// withWord returns a copy of the event that has the rare word in its command.
func withWord(ev *etch.Event) *etch.Event {
	changed, action := *ev, *ev.Action
	action.Command += " # " + word
	changed.Action = &action
	return &changed
}

// corpus returns what the witness knows when it has seen everything.
func (w *witness) corpus() *corpus {
	until := w.last.Truncate(time.Second).Add(time.Second)
	c := &corpus{
		Layout: layout, Events: w.count, User: events.Alice, Word: word, Tenth: w.tenth,
		Since: until.Add(-24 * time.Hour), Until: until,
	}
	var late, counts, twenty []string
	for _, v := range w.violators {
		if !v.at.Before(c.Since) {
			late = append(late, v.id)
		}
	}
	for user, n := range w.byUser {
		counts = append(counts, countRow(user, n))
	}
	for range 20 {
		twenty = append(twenty, aRecord)
	}
	c.Answers = map[string]answer{
		oneUser: answerOf(w.user), tenthUser: answerOf(w.user[:w.inTenth]), violations: answerOf(late),
		risky: answerOf(counts), rareWord: answerOf(w.rare), newest: answerOf(twenty),
	}
	return c
}

// readCorpus reads what makeCorpus wrote.
func readCorpus(dir string) (*corpus, error) {
	text, err := os.ReadFile(filepath.Join(dir, corpusName))
	if err != nil {
		return nil, err
	}
	var c corpus
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", corpusName, err)
	}
	return &c, nil
}
