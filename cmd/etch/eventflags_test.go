package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/spf13/pflag"
)

func parseEventFlags(t *testing.T, args ...string) (*etch.Event, error) {
	t.Helper()
	var flags eventFlags
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.add(f)
	if err := f.Parse(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	std := stdio{env: func(string) (string, bool) { return "", false }}
	return flags.event(std)
}

// Every field of an event has a flag, but for what the log fills in.
func TestEventFlagsAreComplete(t *testing.T) {
	event, err := parseEventFlags(t,
		"--type=tool_call", "--phase=completion", "--time=2026-02-16T12:34:56Z", "--call-id=c", "--session=s", "--turn=t", "--trace=x",
		"--user=u", "--user-id=i", "--channel=c", "--agent=a", "--agent-id=i", "--model=m", "--caller=c", "--host=h",
		"--tool=t", "--command=c", `--arguments={"a":1}`, "--resource=r", "--cwd=/", "--risk=high", "--risk-reason=r", "--approved",
		"--approved-by=b", "--allowed", "--claim-source=mcp", "--mcp-server=m", "--skill=s",
		"--outcome=rollback", "--exit-code=2", "--duration=1s", "--restored=1", "--deleted=2", "--truncated", "--output-bytes=3",
		"--output-sha256=00", "--error-category=c", "--error-domain=d", "--error-phase=p",
		"--violation", "--policy-match=p", "--policy-decision=allow", "--sandbox=s", "--rate-limit-remaining=4", "--injection",
		"--embedding-anomalous", "--cross-boundary", "--trust-level=t", "--source-kind=k",
		"--url=u", "--url-host=h", "--method=GET", "--status=200", "--response-bytes=5", "--url-blocked", "--block-reason=b", "--hop=6",
		"--label=k=v",
	)
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for name, object := range map[string]any{
		"Event": *event, "Actor": *event.Actor, "Action": *event.Action, "Result": *event.Result, "Security": *event.Security, "Egress": *event.Egress,
	} {
		v := reflect.ValueOf(object)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				missing = append(missing, name+"."+v.Type().Field(i).Name)
			}
		}
	}
	slices.Sort(missing)
	// ID and Redactions are the log's; Reason and Message go with other outcomes.
	if want := []string{"Event.ID", "Result.Message", "Result.Reason", "Security.Redactions"}; !slices.Equal(missing, want) {
		t.Errorf("got no flag for %q, want none for %q only", missing, want)
	}
}

func TestEventFlagsConclude(t *testing.T) {
	for _, test := range []struct {
		args string
		want etch.Outcome
	}{
		{"--success", etch.Success},
		{"--failed", etch.Error},
		{"--exit-code=0", etch.Success},
		{"--exit-code=3", etch.Error},
		{"--exit-code=3 --success", etch.Success}, // grep's 1 is no failure
		{"--exit-code=124 --outcome=timeout", etch.Timeout},
		{"--reason=no", etch.Blocked},
		{"--message=no", etch.Error},
		{"--message=no --exit-code=0", etch.Error},
		{"--restored=0", etch.Rollback},
		{"--duration=1s", ""},
	} {
		event, err := parseEventFlags(t, append(strings.Fields(test.args), "--type=tool_call")...)
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		if got := event.Result.Type; got != test.want {
			t.Errorf("%s: got outcome %q, want %q", test.args, got, test.want)
		}
	}
	for _, args := range []string{
		"--success --failed", "--success --reason=no", "--success --message=no", "--outcome=timeout --failed",
		"--outcome=success --restored=1", "--reason=a --message=b",
	} {
		if _, err := parseEventFlags(t, append(strings.Fields(args), "--type=tool_call")...); err == nil {
			t.Errorf("%s: got no error, want a contradiction", args)
		}
	}
}

// What is not said is absent, not empty or zero.
func TestEventFlagsLeaveOut(t *testing.T) {
	event, err := parseEventFlags(t, "--type=session_start", "--user=alice")
	if err != nil {
		t.Fatal(err)
	}
	if event.Action != nil || event.Result != nil || event.Security != nil || event.Egress != nil || event.Labels != nil || !event.Timestamp.IsZero() {
		t.Errorf("got %+v, want nothing but the actor", event)
	}
	if event.Actor.Username != "alice" || event.Actor.UserID != "" {
		t.Errorf("got user %q, id %q, want alice and no other's id", event.Actor.Username, event.Actor.UserID)
	}
}

func TestEventFlagsTime(t *testing.T) {
	event, err := parseEventFlags(t, "--type=tool_call", "--time=2026-02-16T13:34:56.5+01:00")
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 2, 16, 12, 34, 56, 5e8, time.UTC); !event.Timestamp.Equal(want) {
		t.Errorf("got %s, want %s", event.Timestamp, want)
	}
}
