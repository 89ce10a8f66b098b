package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/etch-audit/etch"
)

// Settled tells that calls of a session are on record with their ends, put
// there by somebody who learned of them elsewhere: no delivery records them any
// more, and none ends them for want of a word. A session that is not remembered
// needs no telling. It waits for deliveries as Begin does.
func (s *Sessions) Settled(ctx context.Context, session string, ids ...string) (err error) {
	name := fileName("session " + session)
	if _, err := s.fs.Stat(filepath.Join(s.dir, name+fileSuffix)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	held, err := s.take(name, wait(ctx))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	for _, id := range ids {
		held.state.add(keyOf(id, string(etch.Attempt)))
		held.state.add(keyOf(id, string(etch.Completion)))
		if i := held.state.find(id); i >= 0 {
			held.state.close(i)
		}
	}
	content, err := json.Marshal(held.state)
	if err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return held.write(content)
}
