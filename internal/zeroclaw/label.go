package zeroclaw

// The labels under which an imported event keeps what an event has no member
// for. capture/zeroclaw writes them and export/zeroclaw reads them back.
const (
	LabelSequence  = "zeroclaw_sequence"
	LabelPrevHash  = "zeroclaw_prev_hash"
	LabelEntryHash = "zeroclaw_entry_hash"
	LabelSignature = "zeroclaw_signature"
	LabelAlias     = "zeroclaw_agent_alias" // only where it is the empty text
	LabelEventID   = "zeroclaw_event_id"    // where it is not the event's own
	LabelEventType = "zeroclaw_event_type"  // where the event's is another
	LabelTimestamp = "zeroclaw_timestamp"   // where the event's time does not give it back
	LabelRisk      = "zeroclaw_risk_level"  // where it is none of etch's
	LabelDuration  = "zeroclaw_duration_ms" // where it is longer than a duration can be
	LabelError     = "zeroclaw_error"       // of a success
	LabelNull      = "zeroclaw_null"        // members that were null, though the event has something there
	LabelBlank     = "zeroclaw_blank"       // members that were "", which an event does not store
)

// The programs that write such records, by the names that imported events have them under.
const (
	ProgramZeroClaw   = "zeroclaw"
	ProgramDaemonClaw = "daemonclaw"
)
