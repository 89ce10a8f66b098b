package zeroclaw

import (
	"fmt"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// signature counts and checks a record's signature. verdict is what the chain
// said: a signature adds to it only where the chain found nothing.
func (p *Parser) signature(r *zeroclaw.Record, line int, verdict source.Verdict) source.Verdict {
	f := p.file
	if r.Signature == nil {
		p.unsigned(r, line)
		return verdict
	}
	f.Signed++
	f.signed = true
	switch {
	case !zeroclaw.IsHash(*r.Signature):
		p.fault(source.FaultBadSignature, r, line, "the signature has not the form of one; upstream accepts it where it has no key", "Z12")
	case p.opt.Key == nil:
		return verdict
	case r.SignedBy(p.opt.Key):
		f.Verified++
		if verdict == source.Intact {
			return source.Signed
		}
		return verdict
	case len(f.bad) < source.MaxFaults:
		f.bad = append(f.bad, badSignature{line, r.Sequence})
	default:
		f.FaultsLeftOut++
	}
	if verdict == source.Intact {
		return source.BadSignature
	}
	return verdict
}

// unsigned takes a record without a signature.
func (p *Parser) unsigned(r *zeroclaw.Record, line int) {
	p.file.Unsigned++
	switch {
	case p.opt.RequireSignatures:
		p.fault(source.FaultStripped, r, line, "it has no signature, and signatures are required", "Z11")
	case p.file.signed:
		p.fault(source.FaultStripped, r, line, "it has no signature, and the record before it has one: signing was switched off, or the signature stripped", "Z11")
	}
	p.file.signed = false
}

// settleSignatures tells a wrong key from wrong signatures: where the key given
// made none of a file's signatures, they are another's.
func (f *file) settleSignatures() {
	if len(f.bad) == 0 {
		return
	}
	if f.Verified == 0 {
		n := len(f.bad)
		f.Add(source.Fault{
			Name: source.FaultUnknownKey, Defects: []string{"Z14"},
			Text: fmt.Sprintf("0 of %d signatures are of the key given: another key's, or forged; there is no key id to tell", n),
		})
		return
	}
	for _, b := range f.bad {
		f.Add(source.Fault{
			Name: source.FaultBadSignature, Line: b.line, Sequence: new(b.seq), Defects: []string{"Z12"},
			Text: "the signature is not of the key given, as others of this file are; upstream accepts it where it has no key",
		})
	}
}
