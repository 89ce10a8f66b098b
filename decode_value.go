package etch

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// maxMillis is the longest duration a time.Duration holds, in milliseconds.
const maxMillis = int64(math.MaxInt64 / time.Millisecond)

// assign reads the value of a member into its field.
func (d *decoder) assign(m *member) error {
	if d.space() == 'n' && d.input {
		return d.literal("null") // absent
	}
	at := m.at(&d.event)
	if text := textAt(at); text != nil {
		return d.assignText(at, text)
	}
	var err error
	switch p := at.(type) {
	case *bool:
		*p, err = d.boolean()
	case successMember:
		d.successPos = d.pos
		d.hasSuccess = true
		d.success, err = d.boolean()
	case *uint64:
		*p, err = d.unsigned()
	case *Optional[uint64]:
		p.value, err = d.unsigned()
		p.set = true
	case *Optional[int64]:
		p.value, err = d.signed(math.MinInt64, math.MaxInt64)
		p.set = true
	case *time.Duration:
		var ms int64
		ms, err = d.signed(0, maxMillis)
		*p = time.Duration(ms) * time.Millisecond
	case *time.Time:
		*p, err = d.time()
	case *json.RawMessage:
		*p, err = d.rawValue()
	case *[]string:
		*p, err = d.texts()
	case *map[string]string:
		*p, err = d.textMap()
	default:
		err = d.assignObject(at)
	}
	return err
}

// assignText reads a text. Names that the format lists are checked in input
// only: a later version may have written the line.
func (d *decoder) assignText(at any, text *string) error {
	start := d.pos
	s, err := d.textValue()
	if err != nil {
		return err
	}
	*text = s
	if d.input {
		return d.checkName(at, start)
	}
	return nil
}

func (d *decoder) assignObject(at any) error {
	var o *object
	if d.space() != '{' {
		return d.fail("expected an object")
	}
	switch p := at.(type) {
	case **Actor:
		*p, o = &d.actor, &actorObject
	case **Action:
		*p, o = &d.action, &actionObject
	case **Result:
		*p, o = &d.result, &resultObject
	case **Security:
		*p, o = &d.security, &securityObject
	case **Egress:
		*p, o = new(Egress), &egressObject
	default:
		panic("etch: bad field in the schema")
	}
	if err := d.open(); err != nil {
		return err
	}
	return d.members(o, true)
}

// unsigned reads a whole number from 0 to 2^64-1.
func (d *decoder) unsigned() (uint64, error) {
	d.space()
	start, err := d.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(d.text[start:d.pos], 10, 64)
	if err != nil {
		d.pos = start
		return 0, d.fail("expected a whole number from 0 to 18446744073709551615")
	}
	return n, nil
}

// signed reads a whole number within the bounds.
func (d *decoder) signed(low, high int64) (int64, error) {
	d.space()
	start, err := d.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(d.text[start:d.pos], 10, 64)
	if err != nil || n < low || n > high {
		d.pos = start
		return 0, d.fail("expected a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10))
	}
	return n, nil
}

// time reads a timestamp.
func (d *decoder) time() (time.Time, error) {
	if d.input {
		return d.inputTime()
	}
	return d.timestamp()
}

// rawValue reads any value as it stands.
func (d *decoder) rawValue() (json.RawMessage, error) {
	d.space()
	start := d.pos
	if err := d.value(); err != nil {
		return nil, err
	}
	return json.RawMessage(d.data[start:d.pos:d.pos]), nil
}

// texts reads an array of strings.
func (d *decoder) texts() ([]string, error) {
	if d.space() != '[' {
		return nil, d.fail("expected an array of strings")
	}
	if err := d.open(); err != nil {
		return nil, err
	}
	var list []string
	for first := true; ; first = false {
		more, err := d.item(']', first)
		if err != nil || !more {
			return list, err
		}
		s, err := d.textValue()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}

// textMap reads an object of strings.
func (d *decoder) textMap() (map[string]string, error) {
	if d.space() != '{' {
		return nil, d.fail("expected an object of strings")
	}
	if err := d.open(); err != nil {
		return nil, err
	}
	list := make(map[string]string)
	var names nameSet // as null is absent, list may not have them all
	for first := true; ; first = false {
		start := d.pos
		raw, ok, err := d.member(first)
		if err != nil {
			return nil, err
		}
		if !ok {
			return list, nil
		}
		name := d.nameText(raw)
		if !names.add(raw) {
			return nil, d.failAt(start, "labels."+name, "duplicate member")
		}
		if d.space() == 'n' && d.input {
			if err := d.literal("null"); err != nil {
				return nil, err
			}
			continue
		}
		if list[name], err = d.textValue(); err != nil {
			return nil, in(err, "labels."+name)
		}
	}
}

// nameText returns the name of the last member as a part of the text, where it
// is one.
func (d *decoder) nameText(name []byte) string {
	if d.nameAt < 0 {
		return string(name)
	}
	return d.text[d.nameAt : d.nameAt+len(name)]
}

// parseTime reads a timestamp in the one form in which it is stored.
func parseTime(s string) (time.Time, bool) {
	const form = "0000-00-00T00:00:00.000000Z"
	if len(s) != timeLen {
		return time.Time{}, false
	}
	for i := range len(form) {
		if form[i] == '0' && (s[i] < '0' || s[i] > '9') || form[i] != '0' && s[i] != form[i] {
			return time.Time{}, false
		}
	}
	year, month, day := 100*digits2(s, 0)+digits2(s, 2), digits2(s, 5), digits2(s, 8)
	hour, minute, sec := digits2(s, 11), digits2(s, 14), digits2(s, 17)
	micro := 10000*digits2(s, 20) + 100*digits2(s, 22) + digits2(s, 24)
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || sec > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, sec, 1000*micro, time.UTC)
	return t, t.Day() == day // a day that the month has not is carried over
}

func digits2(s string, i int) int {
	return 10*int(s[i]-'0') + int(s[i+1]-'0')
}
