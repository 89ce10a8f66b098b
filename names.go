package etch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/nearest"
)

var (
	eventTypes = []EventType{
		CommandExecution, FileAccess, ConfigurationChange, AuthSuccess, AuthFailure, PolicyViolation,
		ToolCall, ApprovalRequest, ApprovalDecision, SessionStart, SessionEnd, UserPrompt, NetworkEgress, SecurityEvent,
	}
	phases       = []Phase{Attempt, Completion}
	risks        = []Risk{RiskLow, RiskMedium, RiskHigh, RiskCritical}
	outcomes     = []Outcome{Success, Blocked, Error, Timeout, Rollback}
	claimSources = []ClaimSource{
		ClaimShell, ClaimFileSystem, ClaimWebScrape, ClaimMCP, ClaimA2A, ClaimCodeSearch, ClaimDiagnostics, ClaimMemory,
	}
)

// EventTypes returns the event types, those of the seed formats first.
func EventTypes() []EventType { return slices.Clone(eventTypes) }

// ParseEventType returns the event type of that name, or a [*NameError].
func ParseEventType(s string) (EventType, error) { return parseName("an event type", s, eventTypes) }

// ParsePhase returns the phase of that name, or a [*NameError].
func ParsePhase(s string) (Phase, error) { return parseName("a phase", s, phases) }

// ParseRisk returns the risk level of that name, or a [*NameError].
func ParseRisk(s string) (Risk, error) { return parseName("a risk level", s, risks) }

// ParseOutcome returns the outcome of that name, or a [*NameError].
func ParseOutcome(s string) (Outcome, error) { return parseName("an outcome", s, outcomes) }

// ParseClaimSource returns the claim source of that name, or a [*NameError].
func ParseClaimSource(s string) (ClaimSource, error) {
	return parseName("a claim source", s, claimSources)
}

// IsControl reports whether the type is reserved to the records that the log
// writes about itself.
func (t EventType) IsControl() bool { return strings.HasPrefix(string(t), "log_") }

// Rank returns 1 for the lowest risk level to 4 for the highest, and 0 for an
// absent or unknown one.
func (r Risk) Rank() int { return slices.Index(risks, r) + 1 }

// Reaches reports whether what has the risk is refused by a policy that refuses from a
// limit on. An absent limit refuses nothing, one that is no risk level everything; a
// risk that is absent or unknown is the lowest.
func (r Risk) Reaches(limit Risk) bool {
	return limit != "" && max(r.Rank(), RiskLow.Rank()) >= limit.Rank()
}

// A NameError says that a name is none of those that the format lists.
type NameError struct {
	What    string // what it should name, with its article: "a risk level"
	Name    string
	Known   []string
	Nearest string // the known name that was probably meant; "" for none
}

// Error names the name and the known ones.
func (e *NameError) Error() string {
	s := e.reason()
	if e.Nearest != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return s
}

// reason is Error without the suggestion.
func (e *NameError) reason() string {
	return fmt.Sprintf("%q is not %s (%s)", e.Name, e.What, strings.Join(e.Known, ", "))
}

func parseName[T ~string](what, s string, known []T) (T, error) {
	if slices.Contains(known, T(s)) {
		return T(s), nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	near, _ := nearest.Word(s, names) // "" where none is near
	return "", &NameError{What: what, Name: s, Known: names, Nearest: near}
}

// Validate returns an error where ev cannot be an event: its type is missing,
// unknown or reserved to the log, a phase, risk level, outcome or claim source
// is none of the format, or the result has a member that its outcome does not
// have. Sizes and bytes are never a fault.
func (ev *Event) Validate() error {
	if ev.Type == "" {
		return errors.New("event_type is missing")
	}
	err := errors.Join(
		validName("event_type", "an event type", ev.Type, eventTypes),
		validName("phase", "a phase", ev.Phase, phases),
	)
	if a := ev.Action; a != nil {
		err = errors.Join(err,
			validName("action.risk_level", "a risk level", a.Risk, risks),
			validName("action.claim_source", "a claim source", a.ClaimSource, claimSources))
	}
	if r := ev.Result; r != nil {
		err = errors.Join(err, validName("result.type", "an outcome", r.Type, outcomes), r.validate())
	}
	return err
}

// validate returns an error for a member that its outcome does not have: it
// would not be stored.
func (r *Result) validate() error {
	if r.Type != "" && !slices.Contains(outcomes, r.Type) {
		return nil // that is fault enough
	}
	_, restored := r.Restored.Get()
	_, deleted := r.Deleted.Get()
	switch {
	case r.Reason != "" && r.Type != Blocked:
		return fmt.Errorf("result.reason is given with type %q: only %q has one", r.Type, Blocked)
	case r.Message != "" && r.Type != Error:
		return fmt.Errorf("result.message is given with type %q: only %q has one", r.Type, Error)
	case (restored || deleted) && r.Type != Rollback:
		return fmt.Errorf("result.restored or result.deleted is given with type %q: only %q has them", r.Type, Rollback)
	}
	return nil
}

func validName[T ~string](member, what string, name T, known []T) error {
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	_, err := parseName(what, string(name), known)
	return fmt.Errorf("%s: %w", member, err)
}

// checkName returns a [*NameError] where a field of a type whose names the
// format lists holds another name. An empty field is an absent one.
func checkName(at any) (err error) {
	if text := textAt(at); text == nil || *text == "" {
		return nil
	}
	switch p := at.(type) {
	case *EventType:
		_, err = ParseEventType(string(*p))
	case *Phase:
		_, err = ParsePhase(string(*p))
	case *Risk:
		_, err = ParseRisk(string(*p))
	case *Outcome:
		_, err = ParseOutcome(string(*p))
	case *ClaimSource:
		_, err = ParseClaimSource(string(*p))
	}
	return err
}
