package server

import (
	"context"
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
)

// Transports of a Sender.
const (
	TransportUnix = "unix" // a socket whose other side the kernel names
	TransportHTTP = "http" // with a token
)

// A Sender is who sends, as far as the system vouches for it: nothing of it comes
// from what the sender says.
type Sender struct {
	Transport string
	UID       int    // -1 where it is not known
	GID       int    // -1 where it is not known
	PID       int    // of the process that connected; -1 where it is not known
	User      string // the name of UID; "" where it has none
	Token     string // the name of the token; "" by a socket
}

// String names the sender for people.
func (s Sender) String() string {
	switch {
	case s.Token != "":
		return "token " + strconv.Quote(s.Token)
	case s.User != "":
		return "user " + s.User
	case s.UID >= 0:
		return "uid " + strconv.Itoa(s.UID)
	}
	return "somebody unknown"
}

// Key tells senders apart: two with the same key are one to all limits, and what
// one has sent is not believed of the other.
func (s Sender) Key() string {
	if s.Token != "" {
		return "token " + s.Token
	}
	return "uid " + strconv.Itoa(s.UID)
}

// The labels that a server gives to each event. What a sender claims under a name
// that begins like them is kept as LabelClaimed and that name.
const (
	LabelSenderUID  = etch.LabelSenderUID
	LabelSenderUser = "sender_user"
	LabelSenderPID  = "sender_pid"
	// LabelSenderToken is the name of a token. It is not called "sender_token": the
	// value of such a name is masked as a secret.
	LabelSenderToken = etch.LabelSenderToken
	LabelClaimed     = "claimed_"

	senderPrefix = "sender_"
	// importPrefix is of what an import says of where a record is from, and what
	// that is worth. It writes the log itself: no sender is one.
	importPrefix = "import_"
)

// An identity is what limits are counted by.
type identity struct {
	uid   int
	token string
}

func (s Sender) identity() identity {
	if s.Token != "" {
		return identity{-1, s.Token}
	}
	return identity{s.UID, ""}
}

// labels returns what the server knows of the sender, as labels.
func (s Sender) labels() map[string]string {
	labels := make(map[string]string, 4)
	if s.UID >= 0 {
		labels[LabelSenderUID] = strconv.Itoa(s.UID)
	}
	if s.User != "" {
		labels[LabelSenderUser] = s.User
	}
	if s.PID >= 0 {
		labels[LabelSenderPID] = strconv.Itoa(s.PID)
	}
	if s.Token != "" {
		labels[LabelSenderToken] = s.Token
	}
	return labels
}

// signed returns the labels of an event from a sender whose own are known. What it
// returns is not to be changed: of an event without labels it is known itself.
func signed(claimed, known map[string]string) map[string]string {
	if len(claimed) == 0 {
		return known
	}
	labels := make(map[string]string, len(claimed)+len(known))
	for name, value := range claimed {
		labels[claim(name)] = value
	}
	maps.Copy(labels, known)
	return labels
}

// claim returns the name under which a label of a message is kept. No two names
// become one: what is claimed of a claim is one claim more.
func claim(name string) string {
	bare := name
	for strings.HasPrefix(bare, LabelClaimed) {
		bare = bare[len(LabelClaimed):]
	}
	if strings.HasPrefix(bare, senderPrefix) || strings.HasPrefix(bare, importPrefix) {
		return LabelClaimed + name
	}
	return name
}

// Sign gives events the labels of their sender, as [Server.Record] does. The
// events are copies.
func Sign(events []*etch.Event, sender Sender) []*etch.Event {
	known := sender.labels()
	own := make([]etch.Event, len(events))
	signedEvents := make([]*etch.Event, len(events))
	for i, ev := range events {
		own[i] = *ev
		own[i].Labels = signed(ev.Labels, known)
		signedEvents[i] = &own[i]
	}
	return signedEvents
}

// senderKey is the key of a Sender in a context.
type senderKey struct{}

// SenderFrom returns who sent the HTTP request of that context by a socket.
func SenderFrom(ctx context.Context) (Sender, bool) {
	s, ok := ctx.Value(senderKey{}).(Sender)
	return s, ok
}

// SenderOf returns who is on the other side of a connection, from the kernel. Of
// one that is no unix socket, or where the system does not tell, it returns an error.
func SenderOf(c net.Conn) (Sender, error) {
	s, err := peer(c)
	if err != nil {
		return Sender{Transport: TransportUnix, UID: -1, GID: -1, PID: -1}, err
	}
	s.Transport = TransportUnix
	return s, nil
}
