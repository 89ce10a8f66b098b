// Package filter is the expression that says which records are asked for.
//
//	user = alice and risk >= high
//	type in (file_access, network_egress) and time >= yesterday
//	command ~ '\bsudo\b' and not (denied or control)
//	label.team = "platform security"
//
// The grammar, keywords in any case:
//
//	or      = and { "or" and }
//	and     = unary { "and" unary }
//	unary   = "not" unary | "(" or ")" | term
//	term    = field                                   a flag that is set
//	        | field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) value
//	        | field [ "not" ] "in" "(" value { "," value } ")"
//	field   = a name of the schema, or one and a key: label.team, label."a b"
//	value   = letters, digits and _@.:/+*- of ASCII, or "…" with the escapes of
//	          JSON, or '…' without any
//
// What a record does not have is never equal, never greater and never matches;
// "a != b" is "not a = b" and so is true of it. A field with several values
// does what any of them does. "~" looks for a regular expression (RE2) anywhere
// in the text. A time is what [instant.Parse] reads; a day stands for all of
// it, so that "time <= yesterday" is what "--until yesterday" asks for. Of a time that
// a clock showed twice either counts.
//
// The package knows fields by a [Schema] and records by a [Row]; what an event
// is it does not know.
package filter

import "time"

// A Row is what an expression is matched against: the values of one record.
// A field is named by its position in the [Schema].
type Row interface {
	// Texts reports whether holds is true of any value of a Text or Level field
	// (the level's name); of an absent one it is not. holds keeps nothing of
	// what it is given. The key is "" but for a keyed field.
	Texts(field int, key string, holds func(value string) bool) bool
	// Number returns the value of a Number field, and whether there is one.
	Number(field int) (int64, bool)
	// Time returns the value of a Time field, and whether there is one.
	Time(field int) (time.Time, bool)
	// Flag returns the value of a Flag field, and whether there is one.
	Flag(field int) (value, ok bool)
}

// An Expr is an expression: one of [*And], [*Or], [*Not], [*Compare], [*In] and
// [*Match]. It is made by this package, is immutable, and is safe for concurrent
// use. Where a nil Expr is allowed, it asks for nothing: every record matches.
type Expr interface {
	// Match reports whether the expression is true of a record. But for regular
	// expressions it does not allocate.
	Match(row Row) bool
	// String returns the text that [Parse] makes the same expression of, with
	// no more parentheses and quotation marks than it needs.
	String() string

	// print appends the text to dst, with parentheses where it binds less than
	// what is around it.
	print(dst []byte, around binding) []byte
}

// A Leaf is an expression about one field: [*Compare], [*In] or [*Match].
type Leaf interface {
	Expr
	// On returns the field and, if it is a keyed one, the key.
	On() (field int, key string)
	// Holds reports whether the leaf is true of one value of its field, where
	// that is a Text or Level (its name) or a Flag ("true" or "false"). Of a
	// Number or Time it is false.
	Holds(value string) bool
}
