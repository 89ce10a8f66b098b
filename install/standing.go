package install

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/settings"
)

// A standing is how a hook of this program stands in a file, against how an
// installation would have written it.
type standing struct {
	verdict hookform.Verdict
	why     string // of the verdict; empty where it is fine
}

// worse returns the worse of two, of equals the first.
func (s standing) worse(other standing) standing {
	if other.verdict > s.verdict {
		return other
	}
	return s
}

// standing returns how an entry stands. Another path of the program, its log and
// configuration, the guard, and what the agent is to do if it fails are an
// installation's to choose; so is a command line quoted otherwise.
func (f hookFile) standing(doc *settings.Document, e entry) standing {
	all := f.group(doc, e).worse(f.members(doc, e.node))
	if all.verdict == hookform.Idle {
		return all
	}
	want := e.command
	want.event = e.event
	text, _ := settings.Parse(f.handler(want).json()) // it has written that itself
	wanted, _ := text.Value(text.Root()).(map[string]any)
	now, _ := doc.Value(e.node).(map[string]any)
	return all.worse(f.told(e, now, wanted)).worse(waits(now, wanted))
}

// group judges what the entry's group says besides its hooks. Where there is none a
// matcher stands in the hook itself.
func (f hookFile) group(doc *settings.Document, e entry) standing {
	if !f.flat {
		return f.members(doc, e.group)
	}
	for _, n := range e.group.Children() {
		if n.Name() == "matcher" {
			return f.judge(doc, n)
		}
	}
	return standing{}
}

func (f hookFile) members(doc *settings.Document, n *settings.Node) (worst standing) {
	for _, member := range n.Children() {
		worst = worst.worse(f.judge(doc, member))
	}
	return worst
}

func (f hookFile) judge(doc *settings.Document, n *settings.Node) standing {
	switch verdict := hookform.Judge(n.Name(), doc.Text(n)); verdict {
	case hookform.Idle:
		return standing{verdict, fmt.Sprintf("%q keeps them from being run for every event, or to their end", n.Name())}
	case hookform.Strange:
		return standing{verdict, fmt.Sprintf("nothing is known of what %q does to them", n.Name())}
	}
	return standing{}
}

// told judges what is started. Of several command lines the agent takes the one that
// fits its system: each must be this program's.
func (f hookFile) told(e entry, now, wanted map[string]any) standing {
	if now["type"] == nil && wanted["type"] != nil {
		return standing{hookform.Idle, `they have no "type"`}
	}
	if _, ok := now["args"].([]any); ok {
		return f.starts(e, e.command, true)
	}
	for _, name := range []string{"command", "bash", "powershell"} {
		line, given := now[name]
		if !given && wanted[name] != nil && now["command"] == nil && name != "powershell" {
			return standing{hookform.Idle, fmt.Sprintf("they have no %q", name)}
		}
		if !given || reflect.DeepEqual(line, wanted[name]) {
			continue
		}
		text, _ := line.(string)
		words, plain := f.split(text)
		c, ours := parse(words, f.agent.names(), f.own)
		if s := f.starts(e, c, plain && ours); s.verdict != hookform.Fine {
			return s
		}
	}
	return standing{}
}

// starts judges a command, of which it is known whether it is this program's alone.
func (f hookFile) starts(e entry, c command, ours bool) standing {
	switch {
	case !ours || c.more:
		return standing{hookform.Idle, "their command lines say more, or something else, than to start etch"}
	case c.event != "" && c.event != e.event:
		return standing{hookform.Idle, "their command lines name other events"}
	}
	return standing{}
}

// waits judges how long the agent waits for the hook: less than half of what an
// installation says may be less than the hook takes on a busy machine.
func waits(now, wanted map[string]any) standing {
	for _, name := range []string{"timeout", "timeoutSec"} {
		got, given := number(now[name])
		want, set := number(wanted[name])
		if given && set && got < want/2 {
			return standing{hookform.Idle, fmt.Sprintf("%q gives them less time than they may need", name)}
		}
	}
	return standing{}
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
