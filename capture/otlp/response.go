package otlp

import (
	"encoding/json"
	"strconv"

	"github.com/etch-audit/etch/capture/hook"
)

// Response returns the body of the answer to the request, in its encoding: an
// ExportLogsServiceResponse or ExportTraceServiceResponse, with partial_success
// where items were rejected. The zero Batch has the empty answer.
func (b Batch) Response(encoding Encoding) []byte {
	if b.Rejected == 0 || b.signal == nil {
		return success(encoding)
	}
	if encoding == Protobuf {
		partial := appendVarintField(nil, 1, uint64(b.Rejected))
		partial = appendBytesField(partial, 2, []byte(b.Reason))
		return appendBytesField(nil, 1, partial)
	}
	// 64-bit numbers are strings in the JSON of protocol buffers.
	out := append([]byte(nil), `{"partialSuccess":{"`...)
	out = append(out, b.signal.rejected...)
	out = append(out, `":"`...)
	out = strconv.AppendInt(out, int64(b.Rejected), 10)
	out = append(out, `","errorMessage":`...)
	out = append(out, hook.Quote(b.Reason)...)
	return append(out, "}}"...)
}

func success(encoding Encoding) []byte {
	if encoding == Protobuf {
		return nil
	}
	return json.RawMessage("{}")
}

// Failure returns the body of an answer that says that a request failed: a
// google.rpc.Status, as OTLP/HTTP wants it beside every status code but 200.
func Failure(encoding Encoding, message string) []byte {
	if encoding == Protobuf {
		return appendBytesField(nil, 2, []byte(valid([]byte(message))))
	}
	return append(append([]byte(`{"message":`), hook.Quote(valid([]byte(message)))...), '}')
}
