//go:build cgo

package peer

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"github.com/etch-audit/etch"
)

// A sqlite keeps signed lines in a table without any index, with a write-ahead
// log that is synced at each transaction (synchronous=FULL). The driver is the
// one around the C library, which is faster than the translation to Go. One
// connection serves all callers: with more they would wait for the one write
// lock all the same, and ask for it again and again.
type sqlite struct {
	db     *sql.DB
	insert *sql.Stmt
}

func openSQLite(dir string) (Peer, error) {
	at := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(dir, "audit.sqlite"), RawQuery: "_journal_mode=WAL&_synchronous=FULL"}
	db, err := sql.Open("sqlite3", at.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`create table if not exists events (seq integer primary key, line text not null)`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	insert, err := db.Prepare(`insert into events (line) values (?)`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &sqlite{db, insert}, nil
}

func (s *sqlite) Append(ctx context.Context, ev *etch.Event) error {
	line, err := sign(ev)
	if err != nil {
		return err
	}
	_, err = s.insert.ExecContext(ctx, line)
	return err
}

func (s *sqlite) Close() error { return errors.Join(s.insert.Close(), s.db.Close()) }
