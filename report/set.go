package report

import "iter"

// maxMembers is how many members a set takes: three quarters of 2²⁴ slots,
// which are 128 MiB.
const maxMembers = 3 << 22

// A set holds hashes in 11 to 22 bytes each, of which it has at most some. The
// zero set is empty and takes maxMembers.
//
// Linear probing: the hashes are uniform, so that nothing more is needed. 0
// marks a free slot; a hash of 0 is held as 1, and so cannot be told from that,
// as any two of 2⁶⁴ may meet.
type set struct {
	slots []uint64
	size  int
	most  int  // 0: maxMembers
	full  bool // a member was refused
}

// add adds a member and reports whether it is a new one that there was room for.
func (s *set) add(hash uint64) bool {
	if s.has(hash) {
		return false
	}
	limit := s.most
	if limit == 0 {
		limit = maxMembers
	}
	if s.size == limit {
		s.full = true
		return false
	}
	if 4*(s.size+1) > 3*len(s.slots) {
		s.grow()
	}
	s.put(hash)
	return true
}

// has reports whether a hash is a member.
func (s *set) has(hash uint64) bool {
	if len(s.slots) == 0 {
		return false
	}
	hash = max(hash, 1)
	for i := s.place(hash); s.slots[i] != 0; i = s.after(i) {
		if s.slots[i] == hash {
			return true
		}
	}
	return false
}

// all returns the members, in no order.
func (s *set) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, hash := range s.slots {
			if hash != 0 && !yield(hash) {
				return
			}
		}
	}
}

func (s *set) grow() {
	old := s.slots
	s.slots, s.size = make([]uint64, max(64, 2*len(old))), 0
	for _, hash := range old {
		if hash != 0 {
			s.put(hash)
		}
	}
}

// put adds a hash that is no member, where there is room.
func (s *set) put(hash uint64) {
	hash = max(hash, 1)
	i := s.place(hash)
	for s.slots[i] != 0 {
		i = s.after(i)
	}
	s.slots[i] = hash
	s.size++
}

func (s *set) place(hash uint64) int { return int(hash & uint64(len(s.slots)-1)) }

func (s *set) after(i int) int { return (i + 1) & (len(s.slots) - 1) }
