package server

import (
	"net"
	"testing"
	"time"
)

// A deadlines is a connection that knows its write deadline.
type deadlines struct {
	net.Conn
	write time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.write = t
	return nil
}

func (*deadlines) SetReadDeadline(time.Time) error { return nil }

// Once the server drains, no write of a connection waits for long, whichever language it
// speaks and whatever deadline it is given.
func TestConnPartsSoon(t *testing.T) {
	for _, http := range []bool{false, true} {
		d := new(deadlines)
		c := &conn{Conn: d, http: http}
		far := time.Now().Add(24 * time.Hour)
		if err := c.SetWriteDeadline(far); err != nil || !d.write.Equal(far) {
			t.Errorf("before: got %v, %v, want %v", d.write, err, far)
		}
		soon := func(when string) {
			t.Helper()
			if left := time.Until(d.write); d.write.IsZero() || left > PartingWait {
				t.Errorf("%s: a write may take until %v", when, d.write)
			}
		}
		c.interrupt()
		soon("interrupted")
		for _, at := range []time.Time{far, {}} {
			d.write = time.Time{}
			if err := c.SetWriteDeadline(at); err != nil {
				t.Error(err)
			}
			soon("set again")
		}
		if err := c.SetWriteDeadline(past); err != nil || !d.write.Equal(past) {
			t.Errorf("one that is over: got %v, %v", d.write, err)
		}
	}
}
