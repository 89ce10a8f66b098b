package journal

// Share lets each batch that can be be synced without the lock, whoever else
// writes, or none.
func (o *Options) Share(all bool) {
	o.sharing = neverShare
	if all {
		o.sharing = alwaysShare
	}
}

// Patience sets how often a process waits in vain for others' syncs.
func (o *Options) Patience(waits int) { o.gateWaits = waits }

// Beside lets the commit file have a size, and be used after a number
// of commits.
func (o *Options) Beside(size int64, after int) { o.commitSize, o.commitAfter = size, after }
