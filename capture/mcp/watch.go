package mcp

import (
	"os"
	"time"

	"github.com/etch-audit/etch/internal/child"
)

// passAfter is how long a signal is held back that the server may have got of
// its own, as a terminal and a timeout send it to the whole process group.
const passAfter = 50 * time.Millisecond

// watch waits until the server has ended, and sees to it that it does.
func (r *running) watch(caught <-chan os.Signal) {
	var deadline <-chan time.Time
	clientDone, clientGone, broken := r.clientDone, r.clientGone, r.w.broken
	patience := r.patience()
	ended := false // its end was asked for
	for {
		select {
		case <-r.waited:
			if r.clientHasClosed() {
				r.because("client closed")
			} else {
				r.because("server ended")
			}
			return
		case s := <-caught:
			if child.FromKeyboard(s) && r.Foreground != nil && r.Foreground() {
				continue
			}
			r.because("signal " + s.String())
			r.urged = r.urged || child.Ends(s)
			time.AfterFunc(passAfter, func() { _ = r.cmd.Process.Signal(s) }) // it may have ended
			if clientDone == nil && child.Ends(s) {
				ended, deadline = true, time.After(killAfter)
			}
			continue
		case <-clientDone:
			clientDone = nil
			r.because("client closed")
		case <-clientGone:
			clientGone, patience = nil, goneAfter
			r.because("client gone")
			r.shutServer()
		case <-broken:
			broken, patience = nil, goneAfter
			r.because("not recorded")
			r.shutServer()
		case <-deadline:
			if left := r.idles(patience); left > 0 && !ended {
				deadline = time.After(left)
				continue
			}
			if r.stop(ended) {
				deadline = time.After(killAfter)
			}
			ended = true
			continue
		}
		if !ended {
			deadline = time.After(patience)
		}
	}
}

func (r *running) patience() time.Duration {
	if r.Grace > 0 {
		return r.Grace
	}
	return DefaultGrace
}

// because remembers what was the first to end the session.
func (r *running) because(reason string) {
	if r.ending == "" {
		r.ending = reason
	}
}

// idles returns how much longer a server may be silent.
func (r *running) idles(patience time.Duration) time.Duration {
	if r.w.stopped() {
		return 0
	}
	select {
	case <-r.clientGone:
		return 0 // nobody hears it
	default:
	}
	if unread := r.unread(); unread > 0 {
		return r.unreadPatience() - unread
	}
	return patience - time.Since(time.Unix(0, r.moved.Load()))
}

// unread returns for how long the client has not read what was written to it.
func (r *running) unread() time.Duration {
	if since := r.writing.Load(); since != 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

// unreadPatience is how long a client that has closed the server's input may read
// nothing: longer than a server may be silent, since what is lost here was said.
func (r *running) unreadPatience() time.Duration { return 6 * r.patience() }

// stop ends the server, by force where it was asked before, and reports whether
// it may have to be ended by force.
func (r *running) stop(asked bool) bool {
	if asked || child.Terminate(r.cmd.Process) != nil {
		_ = r.cmd.Process.Kill() // it may have ended
		return false
	}
	return true
}

// drain passes on what a server that has ended has left in its pipe, and reports whether
// its client has not read it all. A child of the server's own may have the pipe too, and
// say nothing: that is not waited for. A client that does not read now is, while it is
// there and nobody wants an end.
func (r *running) drain(caught <-chan os.Signal) (unread bool) {
	limited := r.out.SetReadDeadline(time.Now().Add(quietAfter)) == nil
	tick := time.NewTicker(goneAfter)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-r.serverDone:
			return false
		case s := <-caught:
			if child.Ends(s) {
				r.because("signal " + s.String())
				return r.unread() > 0
			}
		case <-tick.C:
			passed := r.passed.Load()
			if unread := r.unread(); unread > 0 {
				if r.urged && passed == last || r.clientHasClosed() && unread > r.unreadPatience() {
					return true
				}
			} else if !limited || passed == last {
				return false
			}
			last = passed
		}
	}
}

// clientHasClosed reports whether the client has closed the server's input.
func (r *running) clientHasClosed() bool {
	select {
	case <-r.clientDone:
		return true
	default:
		return false
	}
}
