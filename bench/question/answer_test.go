package question

import (
	"errors"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	want := answerOf([]string{"c", "a", "b"})
	for _, test := range []struct {
		rows      []string
		unordered bool
		right     bool
	}{
		{[]string{"c", "a", "b"}, false, true},
		{[]string{"c", "a", "b"}, true, true},
		{[]string{"a", "b", "c"}, true, true},
		{[]string{"a", "b", "c"}, false, false},
		{[]string{"c", "a"}, true, false},
		{[]string{"c", "a", "a"}, true, false},
		{[]string{"c", "a", "b", "b"}, true, false},
		{nil, true, false},
	} {
		err := want.check(test.rows, test.unordered)
		if (err == nil) != test.right || !test.right && !errors.Is(err, errWrong) {
			t.Errorf("%v, unordered: %t: %v, want right: %t", test.rows, test.unordered, err, test.right)
		}
	}
}

func TestReadings(t *testing.T) {
	counts := []string{"@alice\t12", "@bob 2\t3"}
	for _, test := range []struct {
		name    string
		read    reading
		printed string
		want    []string
	}{
		{"ids", ids, `{"event_id":"evt_1","action":{"command":"\"event_id\":\"evt_9\""}}` + "\n" + `{"seq":3, "event_id": "evt_2"}` + "\n", []string{"evt_1", "evt_2"}},
		{"no ids", ids, "", nil},
		{"array of counts", jsonCounts, `[{"user":"@alice","count":12},{"count":3,"user":"@bob 2"}]`, counts},
		{"counts as lines", jsonCounts, `{"user":"@alice","count":12}` + "\n" + `{"user":"@bob 2","count":3}`, counts},
		{"uniq", uniqCounts, "     12 \"username\":\"@alice\"\n      3 \"username\":\"@bob 2\"\n", counts},
		{"tabulators", tabCounts, "@alice\t12\n@bob 2\t3\n", counts},
		{"table", records, " SEQ  TIME\nWednesday, 2026-03-18 (UTC)\n3003  11:55:27  @peggy8\n 999  12:18:53  @alice\n", []string{aRecord, aRecord}},
	} {
		got, err := test.read([]byte(test.printed))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

func TestReadingsRefuse(t *testing.T) {
	for _, test := range []struct {
		name    string
		read    reading
		printed string
	}{
		{"no JSON", ids, "error\n"},
		{"half a line", ids, `{"event_id":"evt_1"`},
		{"no count", jsonCounts, `[{"user":"@alice"}]`},
		{"no user", jsonCounts, `[{"count":1}]`},
		{"no groups", jsonCounts, `3`},
		{"half an array", jsonCounts, `[{"user":"@alice","count":12}`},
		{"no number", tabCounts, "@alice\tmany\n"},
		{"no tabulator", tabCounts, "@alice 12\n"},
		{"no user", uniqCounts, "  12 @alice\n"},
		{"no number", uniqCounts, "\"username\":\"@alice\"\n"},
	} {
		if got, err := test.read([]byte(test.printed)); err == nil {
			t.Errorf("%s: %q was read as %q", test.name, test.printed, got)
		}
	}
}
