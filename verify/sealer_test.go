package verify

import (
	"errors"
	"strings"
	"testing"
)

// TestSealedBy shows that who has sealed a log is told as the word of its seals, beside
// what is known of whose the files are and who has sent.
func TestSealedBy(t *testing.T) {
	for want, s := range map[string]Summary{
		"writers that are no daemon: agents may run as their user":                                                                                                                           {Seals: 3, Owners: []string{"7"}},
		"a daemon of user 997, as the seals say: whose its files and keys were when they were written cannot be seen here":                                                                   {Seals: 3, SealsByDaemon: 3, Daemons: []string{"997"}},
		"a daemon of user 997, as the seals say, and the log's files and keys are that user's: agents that ran as another user could only add":                                               {Seals: 3, SealsByDaemon: 3, Daemons: []string{"997"}, Owners: []string{"0", "997"}},
		"a daemon of user 997, as the seals say, but files or keys of the log are of user 65534, who can have written it too":                                                                {Seals: 3, SealsByDaemon: 3, Daemons: []string{"997"}, Owners: []string{"0", "997", "65534"}},
		"a daemon of user 997, as the seals say, but files or keys of the log are of user 0, who can have written it too":                                                                    {Seals: 3, SealsByDaemon: 3, Daemons: []string{"997"}, Owners: []string{"0"}},
		"a daemon of user 7, 8, 2 of 3; the others by writers that are no daemon; as the seals say; but agents ran as user 8 too, by what it has sent, and could do all that the daemon can": {Seals: 3, SealsByDaemon: 2, Daemons: []string{"7", "8"}, Owners: []string{"7", "8"}, DaemonsThatSent: []string{"8"}},
	} {
		if got := s.sealedBy(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSealers shows that what the home of a log knows is in the report, and what it
// could not find out.
func TestSealers(t *testing.T) {
	broken := errors.New("broken")
	home := &Home{Owners: []string{"7"}, Sent: func(uid string) (bool, error) {
		if uid == "9" {
			return false, broken
		}
		return uid == "8", nil
	}}
	v := verifier{opts: Options{Home: home}, report: newReport(home)}
	s := Summary{Daemons: []string{"7", "8"}}
	v.sealers(&s)
	if strings.Join(s.Owners, ",") != "7" || strings.Join(s.DaemonsThatSent, ",") != "8" || len(v.report.NotChecked) > 0 {
		t.Errorf("got %+v, %q", s, v.report.NotChecked)
	}
	v.sealers(&Summary{Daemons: []string{"9"}})
	if len(v.report.NotChecked) != 1 || !strings.Contains(v.report.NotChecked[0], "user 9") {
		t.Errorf("got %q", v.report.NotChecked)
	}
}
