package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// ServeSocket serves the connections of a listener until Drain or until ctx is
// done, which then drains nothing: it only ends the listening. The listener is
// closed when it returns. The error is that of the listener.
//
// A connection that begins with "{" or white space speaks the native protocol, any
// other HTTP: see Options.HTTP.
func (s *Server) ServeSocket(ctx context.Context, l net.Listener) error {
	handed := newHandOver(l.Addr())
	end := sync.OnceFunc(func() {
		_ = l.Close() // Accept returns then, and that is what is asked for
	})
	if !s.starts(end) {
		end()
		return nil
	}
	defer s.serving.Done()
	defer context.AfterFunc(ctx, end)()
	stopHTTP := s.serveHTTP(handed)
	err := s.accept(l, handed)
	end()
	stopHTTP()
	if ctx.Err() != nil || s.isDraining() {
		return nil
	}
	return err
}

// starts registers an accepting loop, unless the server is draining.
func (s *Server) starts(end func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.closers = append(s.closers, end)
	s.serving.Add(1)
	return true
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// acceptPause is how long a listener rests that has no descriptors left.
const acceptPause = 50 * time.Millisecond

func (s *Server) accept(l net.Listener, handed *handOver) error {
	for {
		c, err := l.Accept()
		if err != nil {
			if s.isDraining() || errors.Is(err, net.ErrClosed) {
				return err
			}
			if !temporary(err) {
				return fmt.Errorf("accept: %w", err)
			}
			s.tell(fmt.Errorf("accept: %w", err))
			if !s.rest(acceptPause) {
				return ErrShuttingDown
			}
			continue
		}
		s.take(c, handed)
	}
}

// temporary reports whether accepting may succeed again: the process has no
// descriptors left, or the other side has gone already.
func temporary(err error) bool {
	var timeout interface{ Temporary() bool }
	return errors.As(err, &timeout) && timeout.Temporary()
}

// rest waits, and reports false where the server is draining.
func (s *Server) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stopping:
		return false
	}
}

// take begins to serve a connection.
func (s *Server) take(raw net.Conn, handed *handOver) {
	sender, _ := SenderOf(raw) // of whom the kernel does not tell, nothing is taken
	c := &conn{Conn: raw, server: s, sender: sender}
	if cause := s.register(c); cause != "" {
		_ = raw.Close() // nothing was taken from it
		if s.enter() != nil {
			return // it came too late, which is nobody's fault
		}
		s.stats.rejected.Add(1)
		go func() { // the log may take its time, and others connect
			defer s.requests.Done()
			_ = s.Refuse(context.Background(), sender, cause) // the refusal itself
		}()
		return
	}
	s.stats.accepted.Add(1)
	go c.serve(handed)
}

// register counts a connection, or says why there is no room for it.
func (s *Server) register(c *conn) (objection string) {
	a := s.account(c.sender)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return "the server is shutting down"
	case len(s.conns) >= s.limits.MaxConnections:
		return "too many connections"
	case a.conns >= s.limits.MaxPerSender:
		return "too many connections of one sender"
	}
	a.conns++
	c.account = a
	s.conns[c] = struct{}{}
	s.requests.Add(1)
	return ""
}

// forget is the end of a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	c.account.conns--
	delete(s.conns, c)
	s.mu.Unlock()
	s.requests.Done()
}

// serveHTTP serves the connections that are handed over, and returns what ends it.
func (s *Server) serveHTTP(l *handOver) (stop func()) {
	if s.opt.HTTP == nil {
		_ = l.Close() // nothing is handed over then
		return func() {}
	}
	h := &http.Server{
		Handler:           s.opt.HTTP,
		ReadHeaderTimeout: s.limits.LineWait,
		IdleTimeout:       s.limits.Idle,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			own, ok := c.(*handed)
			if !ok {
				return ctx
			}
			return context.WithValue(ctx, senderKey{}, own.conn.sender)
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = h.Serve(l) // ends with the listener, which is what is asked for
	}()
	return func() {
		// What is under way is answered; Drain cuts off what takes too long, and then
		// nothing is under way.
		_ = h.Shutdown(context.Background())
		<-ended
	}
}

// A handOver is a listener of connections that somebody else has accepted.
type handOver struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newHandOver(addr net.Addr) *handOver {
	h := &handOver{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	return h
}

// give hands a connection over, and reports whether somebody took it.
func (h *handOver) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

// Accept returns the next connection.
func (h *handOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the accepting.
func (h *handOver) Close() error {
	h.close()
	return nil
}

// Addr returns the address of the listener that accepted.
func (h *handOver) Addr() net.Addr { return h.addr }

// A handed is a connection that HTTP serves, of which some bytes were read already.
type handed struct {
	*conn
	read []byte
	once sync.Once
}

// Read reads what was read already first.
func (h *handed) Read(p []byte) (int, error) {
	if len(h.read) > 0 {
		n := copy(p, h.read)
		h.read = h.read[n:]
		return n, nil
	}
	return h.conn.Read(p)
}

// Close closes the connection and ends its account. It returns at once, also where the
// connection is read on because the server is draining.
func (h *handed) Close() (err error) {
	h.once.Do(func() {
		if h.server.isDraining() {
			go func() {
				Linger(h.conn.Conn)
				h.server.forget(h.conn)
			}()
			return
		}
		err = h.conn.Close()
		h.server.forget(h.conn)
	})
	return err
}

var _ io.ReadCloser = (*handed)(nil)
