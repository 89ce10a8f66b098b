package main

import (
	"context"
	"iter"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/question"
)

// records returns the records asked for; of those that are withheld it says so.
func (a *audit) records(ctx context.Context) iter.Seq2[etch.Record, error] {
	if a.opts.follow {
		return a.reader.Follow(ctx, a.query.Query)
	}
	var withholds func(*etch.Record) bool
	if a.proof != nil {
		withholds = a.withholds
	}
	return question.Records(ctx, a.reader, a.query.Query, withholds)
}
