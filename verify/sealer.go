package verify

import (
	"fmt"
	"slices"
	"strings"
)

// Who has sealed a log is what its seals say: the word of whoever had the keys. What
// can be said besides is whose the files and keys are where the log is at home, and
// whether that user has sent events itself.

// sealers completes what the seals say of daemons by what the log's home knows.
func (v *verifier) sealers(s *Summary) {
	home := v.opts.Home
	if home == nil {
		return
	}
	s.Owners = append(s.Owners, home.Owners...)
	if home.Sent == nil {
		return
	}
	for _, uid := range s.Daemons {
		sent, err := home.Sent(uid)
		if err != nil {
			v.report.NotChecked = append(v.report.NotChecked, fmt.Sprintf("whether user %s, as whom a daemon ran, has sent events itself: %v", uid, err))
			return
		}
		if sent {
			s.DaemonsThatSent = append(s.DaemonsThatSent, uid)
		}
	}
}

// sealedBy says who made the seals, as far as they tell, and what is known besides.
func (s *Summary) sealedBy() string {
	if s.SealsByDaemon == 0 {
		return "writers that are no daemon: agents may run as their user"
	}
	by := "a daemon of user " + strings.Join(s.Daemons, ", ")
	if s.SealsByDaemon < s.Seals {
		by += fmt.Sprintf(", %d of %d; the others by writers that are no daemon; as the seals say", s.SealsByDaemon, s.Seals)
	} else {
		by += ", as the seals say"
	}
	strangers := strangersAmong(s.Owners, s.Daemons)
	switch {
	case len(s.Owners) == 0:
		by += ": whose its files and keys were when they were written cannot be seen here"
	case len(strangers) > 0:
		by += ", but files or keys of the log are of user " + strings.Join(strangers, ", ") + ", who can have written it too"
	case s.SealsByDaemon == s.Seals:
		by += ", and the log's files and keys are that user's: agents that ran as another user could only add"
	}
	if len(s.DaemonsThatSent) > 0 {
		by += "; but agents ran as user " + strings.Join(s.DaemonsThatSent, ", ") + " too, by what it has sent, and could do all that the daemon can"
	}
	return by
}

// strangersAmong returns the owners that are none of the daemons. Root, who can write
// everything anyway, is one only where nothing is a daemon's.
func strangersAmong(owners, daemons []string) []string {
	daemon := func(uid string) bool { return slices.Contains(daemons, uid) }
	some := slices.ContainsFunc(owners, daemon)
	return slices.DeleteFunc(slices.Clone(owners), func(uid string) bool { return daemon(uid) || some && uid == "0" })
}
