package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollcall/state"
)

// Restore puts a copy made by Backup in a database's place. In it no lease is held and every source observes first, whichever program made
// the copy. What was there is kept beside it, under the name that is returned; "" if there was nothing. It needs the database for itself:
// while another process has it open, it fails at once and changes nothing. A copy of a newer schema is refused, an older one is put there as it is.
func Restore(ctx context.Context, from, path string) (kept string, err error) {
	if from, err = locate(from); err != nil {
		return "", err
	}
	if path, err = locate(path); err != nil {
		return "", err
	}
	if same(from, path) {
		return "", errors.New("it is the database itself; name a backup of it")
	}
	switch have, want, err := schemaVersion(ctx, from, migrations); {
	case err != nil:
		return "", err
	case have == 0:
		return "", errors.New("it is not there, or it is empty; name a backup")
	case have > want:
		return "", state.ErrNewerSchema
	}
	part := fmt.Sprintf("%s.restored-%d", path, time.Now().UnixNano())
	defer os.Remove(part)
	if err := extract(from, part); err != nil {
		return "", err
	}
	return replace(ctx, part, path)
}

// extract copies a database to a path, once it has proven to be whole.
func extract(from, part string) error {
	c, err := connect(from, busyTimeout)
	if err != nil {
		return err
	}
	defer c.close()
	verdict := ""
	if _, err := c.one(func(r row) { verdict = r.text(0) }, `PRAGMA quick_check(1)`); err != nil {
		return fmt.Errorf("check it: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("it is damaged: %s", verdict)
	}
	return copyTo(part, c.exec)
}

// replace puts a file in the place of a database that nobody uses. There is a whole database under the path at every moment.
func replace(ctx context.Context, part, path string) (kept string, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return "", errors.Join(os.Rename(part, path), syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return "", err
	}
	db, err := openDriver(dsn(path))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := sole(ctx, db); err != nil {
		return "", err
	}
	kept = fmt.Sprintf("%s.replaced-%s", path, time.Now().UTC().Format("20060102T150405.000Z"))
	if err := os.Link(path, kept); err != nil {
		return "", err
	}
	if err := os.Rename(part, path); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	return kept, syncDir(filepath.Dir(path))
}

// sole takes a database for itself and carries its log into the file, so that the file is all of it.
func sole(ctx context.Context, db *sql.DB) error {
	err := lockFile(ctx, db)
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA journal_mode = DELETE")
	}
	if isBusy(err) {
		return errors.New("another process has the database open; stop 'rollcall serve' first")
	}
	return explain(err)
}

// same tells whether two paths lead to one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}
