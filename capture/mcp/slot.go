package mcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// A slot is a member of a message that is looked at; all others are passed over.
type slot uint8

const (
	slotNone slot = iota
	slotID
	slotMethod
	slotParams
	slotResult
	slotError

	slotName // of params, from here on
	slotURI
	slotArguments
	slotMeta
	slotRequestID
	slotReason
	slotToken
	slotTask
	slotMessage
	slotClient
	slotClientVersion // the version of the protocol that the client asks for
	slotInputResponses

	slotIsError // of result, from here on
	slotServer
	slotServerVersion // the version of the protocol that the server has chosen
	slotAction
	slotNewTask
	slotResultType
	slotResultMeta
	slotInputRequests

	slots
)

// known are the members by the slot of what they are in, slotNone for those of
// the message itself.
var known = later.Value[map[slot]map[string]slot]{Make: func() map[slot]map[string]slot {
	return map[slot]map[string]slot{
		slotNone: {"id": slotID, "method": slotMethod, "params": slotParams, "result": slotResult, "error": slotError},
		slotParams: {
			"name": slotName, "uri": slotURI, "arguments": slotArguments, "_meta": slotMeta, "requestId": slotRequestID, "reason": slotReason,
			"progressToken": slotToken, "taskId": slotTask, "message": slotMessage, "clientInfo": slotClient, "protocolVersion": slotClientVersion,
			"inputResponses": slotInputResponses,
		},
		slotResult: {
			"isError": slotIsError, "serverInfo": slotServer, "protocolVersion": slotServerVersion, "action": slotAction, "task": slotNewTask,
			"resultType": slotResultType, "_meta": slotResultMeta, "inputRequests": slotInputRequests,
		},
	}
}}

// longestName bounds what is kept of a member's name: escapes make the longest
// one above at most six times as long.
const longestName = 96

// slotOf returns the slot of a member, by its name as it stands between the
// quotes, and whether it is written as the protocol writes it. Some readers of
// JSON take "Method" for "method": what they would act on is looked at too.
func slotOf(parent slot, raw []byte) (s slot, exact bool) {
	name := string(raw)
	if bytes.IndexByte(raw, '\\') >= 0 {
		if json.Unmarshal([]byte(`"`+name+`"`), &name) != nil {
			return slotNone, false
		}
	}
	if s, ok := known.Get()[parent][name]; ok {
		return s, true
	}
	for other, s := range known.Get()[parent] {
		if len(name) < longestName && strings.EqualFold(name, other) {
			return s, false
		}
	}
	return slotNone, false
}

// keeps returns how many bytes of a value are kept. What is longer is known by
// its length and SHA-256.
func (s slot) keeps() int {
	switch s {
	case slotParams, slotArguments:
		return 256 << 10 // a log's line has 64 KiB, and contents of files become digests
	case slotResult:
		return 64 << 10 // only the message of an error is taken from it
	case slotInputRequests, slotInputResponses:
		return 64 << 10
	case slotMeta, slotResultMeta, slotError:
		return 16 << 10
	case slotName, slotURI, slotMessage, slotReason, slotServer, slotClient, slotNewTask:
		return 4 << 10
	}
	return 1 << 10
}

// hashed reports whether the SHA-256 of a value may be asked for.
func (s slot) hashed() bool {
	return s == slotParams || s == slotArguments || s == slotResult || s == slotID || s == slotRequestID
}

// A value is a member of a message as it was sent.
type value struct {
	given bool
	exact bool   // its name was written as the protocol writes it
	size  int64  // in bytes
	kept  []byte // the first of them
	sum   [sha256.Size]byte
}

// whole reports whether all of a value was kept.
func (v *value) whole() bool { return v.given && int64(len(v.kept)) == v.size }

// text returns what a string says, "" of any other value.
func (v *value) text() string {
	var s string
	if !v.whole() || len(v.kept) == 0 || v.kept[0] != '"' || json.Unmarshal(v.kept, &s) != nil {
		return ""
	}
	return s
}
