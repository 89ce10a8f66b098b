package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/terminal"
)

// print writes the answer for people.
func (in *inspection) print(inUTC bool) error {
	p := pretty{zone: in.now.Location(), colour: in.std.colour(in.std.out)}
	if inUTC {
		p.zone = time.UTC
	}
	p.title(in.headline(&p))
	for _, text := range in.Problems {
		p.row(0, "problem", p.paint("31", terminal.Text(text)))
	}
	for _, text := range in.Warnings {
		p.row(0, "warning", p.paint("33", terminal.Text(text)))
	}
	if in.Destination != "" {
		p.row(0, "destination", in.Destination+": no file, no keys, no seals")
	} else {
		in.places(&p)
		in.records(&p)
		in.spool(&p)
		p.row(0, "daemon", terminal.Text(in.daemonText()))
		if about := in.aboutDaemon(); about != "" {
			p.row(0, "", terminal.Text(about))
		}
		in.access(&p)
	}
	p.row(0, "config", terminal.Text(in.Config)+map[bool]string{true: "", false: " (there is none)"}[in.ConfigFound])
	_, err := fmt.Fprint(in.std.out, p.b.String())
	return err
}

func (in *inspection) headline(p *pretty) string {
	switch {
	case !in.CanRecord:
		return p.paint("31", "not ready: the next record cannot be written")
	case in.Daemon.Used && !in.Exists:
		return p.paint("32", "ready: a daemon records what this user sends")
	case in.Destination == "" && !in.Exists:
		return "ready: there is no log yet, the first record creates it"
	}
	return p.paint("32", "ready: the next record can be written")
}

func (in *inspection) places(p *pretty) {
	p.row(0, "log", terminal.Text(in.Log))
	if in.Origin != "" {
		p.row(0, "origin", terminal.Text(in.Origin))
	}
	if in.FreeBytes != nil {
		p.row(0, "free disk space", byteCount(*in.FreeBytes))
	}
}

// records says what was recorded and sealed.
func (in *inspection) records(p *pretty) {
	if !in.Exists {
		return
	}
	size := fmt.Sprintf("%d, %s in %d segments", in.Records, byteCount(in.Bytes), len(in.Segments))
	if len(in.Segments) == 1 {
		size = strings.TrimSuffix(size, "s")
	}
	p.row(0, "records", size)
	p.row(0, "format", fmt.Sprintf("version %d, lines %s", in.FormatVersion, map[bool]string{true: "signed", false: "not signed"}[in.Signed]))
	if e := in.LastEvent; e != nil {
		p.row(0, "last event", fmt.Sprintf("record %d, %s, %s", e.Seq, in.moment(p, e.Timestamp), terminal.Text(e.EventType)))
	} else {
		p.row(0, "last event", "none")
	}
	if s := in.LastSeal; s != nil {
		p.row(0, "last seal", fmt.Sprintf("record %d, %s, covers %d records, %d after it", s.Seq, in.moment(p, s.Timestamp), s.Size, in.Unsealed))
		if s.Daemon != "" {
			p.row(0, "", "made by a daemon of user "+terminal.Text(s.Daemon)+", as it says"+in.ownersText(s.Daemon))
		}
	} else {
		p.row(0, "last seal", "none")
	}
	if e := in.Epoch; e != nil {
		p.row(0, "epoch", fmt.Sprintf("%d, begun %s", e.Number, in.moment(p, e.Begun)))
	}
}

// ownersText says how that agrees with whose the log's files and keys are; "" where it is
// not known.
func (in *inspection) ownersText(daemon string) string {
	some := slices.Contains(in.Owners, daemon)
	strangers := slices.DeleteFunc(slices.Clone(in.Owners), func(uid string) bool { return uid == daemon || some && uid == "0" })
	switch {
	case len(in.Owners) == 0:
		return ""
	case len(strangers) > 0:
		return ", but files or keys of the log are of user " + strings.Join(strangers, ", ")
	}
	return ", and the log's files and keys are that user's"
}

// spool says what waits, where something does.
func (in *inspection) spool(p *pretty) {
	if s := in.Spool; s.Events > 0 {
		p.row(0, "spool", fmt.Sprintf("%d events, %s, since %s", s.Events, byteCount(s.Bytes), in.moment(p, s.Oldest)))
	}
}

// moment writes a time and how long ago it was.
func (in *inspection) moment(p *pretty, stamp string) string {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return terminal.Text(stamp)
	}
	ago := in.now.Sub(t).Truncate(time.Second)
	if ago < 0 {
		return p.time(t) + " (in the future)"
	}
	return p.time(t) + " (" + shortAgo(ago) + " ago)"
}

// shortAgo writes a duration in its largest unit or two.
func shortAgo(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// access says who may read the keys, and what follows from it.
func (in *inspection) access(p *pretty) {
	p.row(0, "keys", terminal.Text(in.Keys))
	for _, f := range in.KeyFiles {
		if !f.Present {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(f.Path, in.Keys), "/")
		if name == "" {
			name = "(directory)"
		}
		access := "out of this user's reach"
		if f.Mode != "" {
			access = strings.TrimSpace(f.Mode + " " + terminal.Text(f.Owner))
		}
		p.row(1, terminal.Text(name), access)
	}
	switch {
	case !in.Exists:
	case in.KeysReadableHere:
		p.row(0, "whose log", "this user's: every program this user runs, agents too, can read the keys. Out of")
		p.row(0, "", "their reach is what closed epochs have sealed, and what is kept elsewhere")
	case slices.ContainsFunc(in.KeyFiles, func(f keyFile) bool { return f.Present && !f.Readable }):
		p.row(0, "whose log", "another user's: programs of this user cannot read its keys")
	default:
		p.row(0, "whose log", "its keys are not here")
	}
}
