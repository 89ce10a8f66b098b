package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"

	"github.com/etch-audit/etch"
)

// receipts prints what --ack asks for. Where nobody reads them any more, events
// are recorded all the same: that is what they were sent for.
type receipts struct {
	out    *bufio.Writer // nil: none are wanted
	err    error         // the first of writing
	broken bool          // err is that nobody reads
}

// A receiptLine is a receipt as it is printed. Its members are a contract:
// docs/cli-json.md.
type receiptLine struct {
	Line           int    `json:"line,omitempty"` // of stdin, from 1
	Seq            uint64 `json:"seq"`
	EventID        string `json:"event_id"`
	Leaf           string `json:"leaf"` // base64, as the roots of checkpoints
	CheckpointSize uint64 `json:"checkpoint_size"`
	CheckpointRoot string `json:"checkpoint_root"`
	Sealed         bool   `json:"sealed"`
	Durable        bool   `json:"durable"`
}

// A skippedLine stands for an event that the configuration skips.
type skippedLine struct {
	Line    int  `json:"line,omitempty"`
	Skipped bool `json:"skipped"`
}

func newReceipts(wanted bool, std stdio) *receipts {
	if !wanted {
		return &receipts{}
	}
	return &receipts{out: bufio.NewWriterSize(std.out, 64<<10)}
}

// add prints a receipt; the zero one is that of an event that the configuration
// skips.
func (r *receipts) add(line int, receipt etch.Receipt) {
	if receipt == (etch.Receipt{}) {
		r.write(skippedLine{line, true})
		return
	}
	r.write(receiptLine{
		Line:           line,
		Seq:            receipt.Seq,
		EventID:        receipt.EventID(),
		Leaf:           base64.StdEncoding.EncodeToString(receipt.Leaf[:]),
		CheckpointSize: receipt.Checkpoint.Size,
		CheckpointRoot: base64.StdEncoding.EncodeToString(receipt.Checkpoint.Root[:]),
		Sealed:         receipt.Sealed(),
		Durable:        receipt.Durable,
	})
}

func (r *receipts) write(v any) {
	if r.out == nil || r.err != nil {
		return
	}
	text, err := json.Marshal(v)
	if err == nil {
		_, err = r.out.Write(append(text, '\n'))
	}
	r.failed(err)
}

// flush hands what there is to the reader.
func (r *receipts) flush() error {
	if r.out != nil && r.err == nil {
		r.failed(r.out.Flush())
	}
	return r.err
}

func (r *receipts) failed(err error) {
	if err != nil {
		r.err, r.broken = err, brokenPipe(err)
	}
}
