package main

import "strings"

// tellZone warns where TZ names a zone that is not known here, as where the machine
// has no table of zones, or in a form of POSIX: days and times are then those of
// UTC, also the ones that are asked for, and who reads them would not know.
func (s stdio) tellZone(utc bool) {
	name := s.getenv("TZ")
	if known := strings.TrimPrefix(name, ":"); utc || known == "" || known == "UTC" || s.now().Location().String() != "UTC" {
		return
	}
	s.warn("TZ is %q, which is no time zone that is known here: times are in UTC", name)
	s.hint("a zone is named as in Europe/Berlin; --utc says that UTC is meant")
}
