package bench

import "github.com/etch-audit/etch/bench/table"

// The bounds are those that the project set itself before it had code. They
// came from a measurement in which the seed's callers took turns, behind a
// mutex. The seed's own code has none, and a file system may join the syncs of
// callers that stand side by side: so both ways are measured, and the faster
// one is what counts.
var rows = []table.Row{
	{
		Name: "append-1", Kind: table.Faster, Ours: "etch/1", Theirs: []string{"seed/1"}, Must: 1.1, Aim: 1.4,
		What: "durable append, 1 caller, to the seed's way",
	},
	{
		Name: "append-64", Kind: table.Faster, Ours: "etch/64", Theirs: []string{"seed/64", "seed-mutex/64"}, Must: 15, Aim: 28,
		What: "durable append, 64 callers, to the seed's way, side by side or in turn",
	},
	{
		Name: "append-64-turn", Kind: table.Faster, Ours: "etch/64", Theirs: []string{"seed-mutex/64"}, Must: 15, Aim: 28,
		What: "durable append, 64 callers, to the seed's way in turn",
	},
	{
		Name: "bbolt", Kind: table.Faster, Ours: "etch/64", Theirs: []string{"bbolt/64"}, Must: 3, Aim: 6,
		What: "durable append, 64 callers, to bbolt Batch",
	},
	{
		Name: "sqlite", Kind: table.Faster, Ours: "etch/64", Theirs: []string{"sqlite/64"}, Must: 12, Aim: 25,
		What: "durable append, 64 callers, to SQLite WAL FULL",
	},
	{
		Name: "append-1024", Kind: table.Faster, Ours: "etch/1024", Theirs: []string{"seed/64", "seed-mutex/64"}, Must: 35, Aim: 60,
		What: "durable append, 1,024 callers, to the seed's way at 64, side by side or in turn",
	},
	{
		Name: "append-1024-turn", Kind: table.Faster, Ours: "etch/1024", Theirs: []string{"seed-mutex/64"}, Must: 35, Aim: 60,
		What: "durable append, 1,024 callers, to the seed's way at 64 in turn",
	},
	{
		Name: "processes", Kind: table.Faster, Ours: "etch/8x8", Theirs: []string{"seed/8x1", "seed/8x8"}, Must: 4, Aim: 10,
		What: "durable append, 8 processes of 8 callers, to the seed's way with 8 processes",
	},
	{
		Name: "interval", Kind: table.Faster, Ours: "etch-interval/1", Theirs: []string{"zerolog/1"}, Must: 1.1, Aim: 2,
		What: "interval durability, signed, sealed, 1 caller, to unsigned zerolog",
	},
	{
		Name: "interval-64", Kind: table.Faster, Ours: "etch-interval/64", Theirs: []string{"zerolog/64"}, Must: 1.1, Aim: 2,
		What: "interval durability, signed, sealed, 64 callers, to unsigned zerolog",
	},
	{
		Name: "allocs", Kind: table.Within, Ours: "allocs",
		What: "allocations per Append",
	},
	{
		Name: "verify", Kind: table.Faster, Ours: "verify", Theirs: []string{"dgst"}, Must: 1.2, Aim: 2,
		What: "verify without the MAC key, all cores, to openssl dgst -sha256",
	},
	{
		Name: "memory-append", Kind: table.Within, Ours: "memory/append", Must: 64,
		What: "peak memory: append at 1,024 callers, MiB",
	},
	{
		Name: "memory-verify", Kind: table.Within, Ours: "memory/verify", Must: 96,
		What: "peak memory: verify the large log, MiB",
	},
	{
		Name: "memory-audit", Kind: table.Within, Ours: "memory/audit", Must: 96,
		What: "peak memory: read all records of the large log, MiB",
	},
	{
		Name: "memory-audit-small", Kind: table.Within, Ours: "memory/audit-small", Must: 96,
		What: "the same on a log of a fiftieth, MiB",
	},
	{
		Name: "open", Kind: table.Cheaper, Ours: "open/large", Theirs: []string{"open/empty"}, Must: 1.5, Aim: 1.1,
		What: "open, append, seal, close on the large log, to an empty log",
	},
}

// Rows returns the names of the rows.
func Rows() []string { return table.Names(rows) }
