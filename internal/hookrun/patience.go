package hookrun

import "time"

// started is about how long a process runs before its main function.
const started = 5 * time.Millisecond

// A Patience is how long a hook takes at most: an agent waits for it. Moments are
// counted from the start of the process, and on a machine so busy that the hook comes to
// Records later than that, Ends is as much later.
type Patience struct {
	// Records is when it gives up to record. What is left of 200 ms is for the
	// spool.
	Records time.Duration
	// Locks bounds each wait for who writes the log, so that it is mostly known at
	// Records that nothing was written.
	Locks time.Duration
	// Payload is until when it waits for the rest of a payload that comes slowly.
	Payload time.Duration
	// Ends is when it ends even if the spool hangs: before agents give up on a
	// hook, and only where the disk does not answer or the machine is choked. It is
	// what the spool counts on, too: see unsureAge in drain.go.
	Ends time.Duration
	// Idles is how early it must be done to look after the spool too, which then
	// takes no longer than Drains.
	Idles, Drains time.Duration
}

// Usual returns that of every hook. Only tests for which a loaded machine is too
// slow have more.
func Usual() Patience {
	return Patience{
		Records: 150 * time.Millisecond, Locks: 60 * time.Millisecond, Payload: 1600 * time.Millisecond,
		Ends: 2 * time.Second, Idles: 30 * time.Millisecond, Drains: 50 * time.Millisecond,
	}
}

// daemon is until when a hook waits for a daemon: what is left is for the spool.
func (p *Patience) daemon() time.Duration { return p.Records * 4 / 5 }
