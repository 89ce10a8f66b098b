// Package auditslog records what a program logs by package log/slog.
//
// An attribute becomes the member of the event that has its name, the one by which
// a query asks for it: "command" or "action.command", "user", "risk", "exit_code",
// "duration". Groups named as the objects of an event (actor, action, result,
// security, egress, labels) are those. Everything else becomes a label, under its
// groups' names with dots: nothing that was logged is left out. So does what a
// member cannot hold, as a risk that is none. The message and the level are the
// labels "msg" and "level"; attributes of these names are "attr.msg" and "attr.level".
//
// An attribute "err" or "error" that holds an error is how the action ended. An
// action is allowed unless an attribute says otherwise, or it was blocked.
//
// Who acted is told by attributes or else by the [etch.Scope] of the context, which
// the methods of [slog.Logger] that end in Context take.
//
// BUG(auditslog): The Logger of package slog drops the errors of its handlers. Who
// must know that an event is on record before acting uses the log itself, or
// [etch.Begin]; others give an OnError.
package auditslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/etch-audit/etch"
)

// Options are the settings of a [Handler]. A nil *Options, and every zero field,
// means the default.
type Options struct {
	// Level is the lowest level that is recorded; default [slog.LevelInfo].
	Level slog.Leveler
	// Type is the type of the events of records that name none in an attribute
	// event_type. Default: [etch.SecurityEvent]; with a Next such records are no
	// events, and go there alone.
	Type etch.EventType
	// Next is a handler that gets every record that it wants, events or not, so that
	// one logger serves for both; default: none.
	Next slog.Handler
	// OnError is told why an event is not on record, or may not be. It must not log
	// to the same handler. Default: only who calls Handle is told, and
	// [slog.Logger] drops it.
	OnError func(error)
}

// A Handler is a [slog.Handler] that records events. It is safe for concurrent use.
type Handler struct {
	to     etch.Recorder
	opt    Options
	prefix string // of the open groups: "action."
	made   draft  // what WithAttrs was given; only read
}

// New returns a handler that records to a log.
func New(to etch.Recorder, opts *Options) *Handler {
	h := &Handler{to: to}
	if opts != nil {
		h.opt = *opts
	}
	if h.opt.Level == nil {
		h.opt.Level = slog.LevelInfo
	}
	if h.opt.Type == "" && h.opt.Next == nil {
		h.opt.Type = etch.SecurityEvent
	}
	return h
}

// Enabled reports whether a record of that level may be an event, or is wanted by
// the next handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.opt.Level.Level() || h.opt.Next != nil && h.opt.Next.Enabled(ctx, level)
}

// Handle records the event that r is, if it is one, and hands r on. It returns nil
// only when the event is as durable as the log promises, was left out by
// the configuration, or is none; else one of the errors of [etch.Log.Append]. That ctx
// has ended stops nothing.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	var err error
	if r.Level >= h.opt.Level.Level() && h.isEvent(r) {
		if err = h.record(ctx, r); err != nil && h.opt.OnError != nil {
			h.opt.OnError(err)
		}
	}
	if h.opt.Next != nil && h.opt.Next.Enabled(ctx, r.Level) {
		err = errors.Join(err, h.opt.Next.Handle(ctx, r.Clone()))
	}
	return err
}

// WithAttrs returns a handler whose records have attrs, which are looked at once.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	own := *h
	own.made = h.made.clone()
	for _, a := range attrs {
		own.made.add(h.prefix, a)
	}
	if h.opt.Next != nil {
		own.opt.Next = h.opt.Next.WithAttrs(slices.Clone(attrs))
	}
	return &own
}

// WithGroup returns a handler whose records have their attributes in a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	own := *h
	own.prefix += name + "."
	if h.opt.Next != nil {
		own.opt.Next = h.opt.Next.WithGroup(name)
	}
	return &own
}

// isEvent reports whether a record is an event: it has a type of its own, or there
// is one for those that have none.
func (h *Handler) isEvent(r slog.Record) bool {
	if h.opt.Type != "" || h.made.named {
		return true
	}
	found := false
	if h.prefix == "" {
		r.Attrs(func(a slog.Attr) bool {
			found = namesType(a)
			return !found
		})
	}
	return found
}

func namesType(a slog.Attr) bool {
	if a.Key == "" && a.Value.Kind() == slog.KindGroup {
		return slices.ContainsFunc(a.Value.Group(), namesType)
	}
	return a.Key == typeMember
}

func (h *Handler) record(ctx context.Context, r slog.Record) error {
	d := h.made.clone()
	r.Attrs(func(a slog.Attr) bool {
		d.add(h.prefix, a)
		return true
	})
	// A handler takes values from a context, and not its end.
	_, err := h.to.Append(context.WithoutCancel(ctx), d.finish(ctx, r, h.opt.Type))
	if err == nil || errors.Is(err, etch.ErrSkipped) {
		return nil
	}
	return fmt.Errorf("record %q: %w", r.Message, err)
}
