package journal

// Share lets each batch that can be be synced without the lock, whoever else
// writes, or none.
func (o *Options) Share(all bool) {
	o.sharing = neverShare
	if all {
		o.sharing = alwaysShare
	}
}
