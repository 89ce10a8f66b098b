package server

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// rights say who may do what by a socket.
type rights struct {
	everybody bool // may send
	users     []int
	groups    []int
	readers   []int
}

func newRights(o *Options) (rights, error) {
	r := rights{
		everybody: len(o.AllowUsers)+len(o.AllowGroups) == 0,
		readers:   []int{0},
	}
	if own := os.Getuid(); own > 0 {
		r.readers = append(r.readers, own)
	}
	for _, list := range []struct {
		at    *[]int
		names []string
		id    func(name string) (string, error)
	}{
		{&r.users, o.AllowUsers, userID},
		{&r.groups, o.AllowGroups, groupID},
		{&r.readers, o.ReadUsers, userID},
	} {
		for _, name := range list.names {
			id, err := number(name, list.id)
			if err != nil {
				return rights{}, err
			}
			*list.at = append(*list.at, id)
		}
	}
	return r, nil
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// number returns the id of a name; a name that is a number is the id itself.
func number(name string, lookup func(string) (string, error)) (int, error) {
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	text, err := lookup(name)
	if err != nil {
		return 0, err
	}
	id, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: the system has no numbers for users", name)
	}
	return id, nil
}

// maySend reports whether whom the kernel named may send.
func (r *rights) maySend(s Sender) bool {
	if s.UID < 0 {
		return false
	}
	if r.everybody || slices.Contains(r.users, s.UID) || slices.Contains(r.groups, s.GID) {
		return true
	}
	return len(r.groups) > 0 && slices.ContainsFunc(groupsOf(s.UID), func(id int) bool { return slices.Contains(r.groups, id) })
}

// groupsOf returns the groups of a user as the system has them now; none where it
// cannot say.
func groupsOf(uid int) []int {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return nil
	}
	texts, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var ids []int
	for _, text := range texts {
		if id, err := strconv.Atoi(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// MayRead reports whether a sender whom the kernel named may ask what is in the
// log. What a token may the caller knows.
func (s *Server) MayRead(sender Sender) bool {
	return sender.Transport == TransportUnix && slices.Contains(s.rights.readers, sender.UID)
}
