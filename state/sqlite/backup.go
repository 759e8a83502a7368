package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Restored is what a copy made by Backup says in every source's Observe: whoever opens it must look before they act.
const Restored = "the record was restored from a backup"

// Backup writes a copy of the database, as it is at one moment, to a path where nothing is yet. The copy can be opened like any other
// database, by its owner only; in it no lease is held and every source observes first. Writers are not kept waiting.
func (r *Reader) Backup(ctx context.Context, path string) error {
	return r.use(ctx, func(*conn) error { // Close waits for it
		c, err := connect(r.path, busyTimeout)
		if err != nil {
			return err
		}
		defer c.close()
		return copyTo(path, c.exec)
	})
}

const (
	vacuumInto   = `VACUUM INTO ?`
	markSources  = `UPDATE sources SET observe = ?`
	markNoLeases = `UPDATE leases SET holder = '', until = 0`
)

// copyTo has a connection's database copied to a path: under another name first, so that a copy that has the path is whole.
func copyTo(path string, exec func(query string, args ...any) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up to %s: %w", path, err)
		}
	}()
	at, err := locate(path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
		return errors.New("the file is there already; a backup never takes the place of another file")
	}
	f, err := os.CreateTemp(filepath.Dir(at), filepath.Base(at)+".*.part") // of mode 0600
	if err != nil {
		return err
	}
	part := f.Name()
	defer os.Remove(part)
	defer f.Close()
	if err := exec(vacuumInto, part); err != nil {
		return err
	}
	if err := mark(part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, at); err != nil {
		return err
	}
	return syncDir(filepath.Dir(at))
}

func mark(path string) error {
	c, err := connect(path)
	if err != nil {
		return err
	}
	return errors.Join(c.exec(markSources, Restored), c.exec(markNoLeases), c.close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
