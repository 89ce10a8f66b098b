package hook_test

import (
	"testing"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

// What a server asks and what a person answers is on record each time, though the words are
// the same; what is delivered twice is on record once.
func TestElicitations(t *testing.T) {
	payload := func(event, server, more string) string {
		return `{"session_id":"s","prompt_id":"p","hook_event_name":"` + event + `","mcp_server_name":"` + server + `","mode":"form"` + more + "}"
	}
	question := func(server string) [2]string {
		return [2]string{"Elicitation", payload("Elicitation", server, `,"message":"Delete it?"`)}
	}
	answer := func(server, action string) [2]string {
		return [2]string{"ElicitationResult", payload("ElicitationResult", server, `,"action":"`+action+`"`)}
	}
	for _, deliveries := range []int{1, 2} {
		l := newTestLog(t, agents["claudecode"])
		var got []string
		for _, d := range [][2]string{
			question("a"), answer("a", "decline"), question("a"), answer("a", "accept"), question("a"), answer("a", "decline"),
			question("a"), question("b"), answer("b", "accept"), answer("a", "decline"),
			answer("a", "accept"), answer("a", "decline"),
		} {
			for range deliveries {
				for _, e := range l.deliver(d[0], d[1]) {
					what := "asked"
					if e.Type == etch.ApprovalDecision {
						what = string(e.Result.Type)
					}
					got = append(got, e.Action.MCPServerID+" "+what)
				}
			}
		}
		want := []string{
			"a asked", "a blocked", "a asked", "a success", "a asked", "a blocked", "a asked", "b asked", "b success", "a blocked", "a success", "a blocked",
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("each delivered %d times (-got +want):\n%s", deliveries, diff)
		}
	}
}
