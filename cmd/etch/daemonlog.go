package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/site"
)

// errNotTold: the daemon answers this user no questions.
var errNotTold = errors.New("its daemon answers this user no questions")

// A daemonLog is a log that a daemon of another user holds, as far as that daemon
// tells of it: what this user has sent, and what says of no sender. It is as true as
// the daemon, as records that are read from files are as true as these.
type daemonLog struct {
	socket string
	client http.Client
	uid    string // of this user
}

func newDaemonLog(socket string) *daemonLog {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &daemonLog{socket: socket, uid: strconv.Itoa(os.Getuid()), client: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// daemonHolding returns the socket of the daemon that records for this user, where the
// log could not be read because it is that daemon's; "" where there is another reason.
func daemonHolding(resolved *config.Resolved, err error) string {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, etch.ErrNoLog) {
		return ""
	}
	socket, err := site.FindDaemon(resolved)
	if err != nil {
		return "" // one that is not to be used is not asked either
	}
	return socket
}

// Records asks the daemon. It is as [etch.Reader.Records], but for the places of what
// cannot be read, which the daemon only counts.
func (d *daemonLog) Records(ctx context.Context, q etch.Query) iter.Seq2[etch.Record, error] {
	return func(yield func(etch.Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // of an answer that is not read to its end
		resp, err := d.ask(ctx, &q)
		if err != nil {
			yield(etch.Record{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }() // it is only read
		given := 0
		in := bufio.NewReaderSize(resp.Body, 128<<10) // no line of a log is as long
		for q.Limit == 0 || given < q.Limit {
			line, err := in.ReadSlice('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				d.end(resp, yield)
				return
			}
			var rec etch.Record
			if err == nil {
				rec, err = etch.ParseRecord(bytes.Clone(line))
			}
			if err != nil {
				yield(etch.Record{}, fmt.Errorf("the daemon's answer: %w", err))
				return
			}
			if d.isOthers(rec.Event.Labels) || q.Match != nil && !q.Match(&rec) {
				continue
			}
			if given++; !yield(rec, nil) {
				return
			}
		}
	}
}

// isOthers reports whether somebody else has sent what has these labels: another user, or
// whoever holds a token.
func (d *daemonLog) isOthers(labels map[string]string) bool {
	uid := labels[etch.LabelSenderUID]
	return uid != "" && uid != d.uid || labels[etch.LabelSenderToken] != ""
}

// end tells of what the daemon could not read, which it says behind its answer.
func (d *daemonLog) end(resp *http.Response, yield func(etch.Record, error) bool) {
	damages, err := strconv.Atoi(resp.Trailer.Get("Etch-Damages"))
	if err != nil {
		yield(etch.Record{}, errors.New("the daemon's answer is cut off"))
		return
	}
	for range damages {
		if !yield(etch.Record{}, &etch.CorruptionError{Err: errors.New("the daemon could not read it")}) {
			return
		}
	}
}

// ask sends a question of those that reconciling has.
func (d *daemonLog) ask(ctx context.Context, q *etch.Query) (*http.Response, error) {
	if q.Reverse || q.Control || q.Where != nil || q.LinesOnly {
		return nil, errors.New("the daemon is not asked that")
	}
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("agent", q.Agent)
	set("session", q.Session)
	if q.CallID != "" {
		id, err := json.Marshal(q.CallID) // a value may be written so
		if err != nil {
			return nil, err
		}
		set("where", "call_id = "+string(id))
	}
	for _, t := range q.Types {
		values.Add("type", string(t))
	}
	for name, at := range map[string]time.Time{"since": q.From, "until": q.Until} {
		if !at.IsZero() {
			set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.AllPhases {
		set("phase", "true")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://etch/v1/audit?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.client.Do(request)
	if err != nil || resp.StatusCode == http.StatusOK {
		return resp, err
	}
	defer func() { _ = resp.Body.Close() }() // it is only read
	if resp.StatusCode == http.StatusForbidden {
		return nil, errNotTold
	}
	var problem struct{ Error string }
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil || json.Unmarshal(text, &problem) != nil || problem.Error == "" {
		problem.Error = strings.TrimSpace(resp.Status)
	}
	return nil, fmt.Errorf("the daemon at %s: %s", d.socket, problem.Error)
}

// mayAsk returns an error where the daemon tells this user nothing.
func (d *daemonLog) mayAsk(ctx context.Context) error {
	for _, err := range d.Records(ctx, etch.Query{Limit: 1, From: time.Unix(0, 0), Until: time.Unix(1, 0)}) {
		if _, damage := errors.AsType[*etch.CorruptionError](err); !damage && err != nil {
			return err
		}
	}
	return nil
}
