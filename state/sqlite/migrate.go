package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	sqlite3 "modernc.org/sqlite/lib"

	"rollcall/state"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations are the schema's steps, oldest first. A step that has been released is never changed.
var migrations = func() fs.FS {
	dir, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	return dir
}()

// applicationID marks a file as ours; see the first migration.
const applicationID = 0x526f6c6c

// lockWait bounds the wait for a file that another process creates or upgrades, or has open when it is to be upgraded.
const lockWait = 30 * time.Second

// SchemaVersion returns the version that a database has and the one that this program writes. The file is only read; one that is
// not there, or empty, has version 0.
func SchemaVersion(ctx context.Context, path string) (have, want int64, err error) {
	return schemaVersion(ctx, path, migrations)
}

// Upgrade brings an older database to this program's schema, after a copy of it has been put beside it. Without one to upgrade, backup
// is "". It needs the file for itself: while another process has it open, it fails.
func Upgrade(ctx context.Context, path string) (backup string, err error) {
	path, err = locate(path)
	if err != nil {
		return "", err
	}
	return migrate(ctx, path, migrations, true)
}

func schemaVersion(ctx context.Context, path string, steps fs.FS) (have, want int64, err error) {
	want, err = latest(steps)
	if err != nil {
		return 0, 0, err
	}
	if path, err = locate(path); err != nil {
		return 0, 0, err
	}
	var barred *fs.PathError
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, want, nil
	case errors.As(err, &barred):
		return 0, want, fmt.Errorf("it cannot be reached: %w", barred.Err)
	case err == nil && info.Size() == 0:
		return 0, want, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	have, err = readVersion(ctx, dsn(path)+"?mode=ro")
	if code(err) == sqlite3.SQLITE_READONLY || code(err) == sqlite3.SQLITE_CANTOPEN {
		have, err = readVersion(ctx, dsn(path)) // a crash has left something that must be rolled back before anything can be read
	}
	return have, want, explain(err)
}

// readVersion reads the schema's version. With a data source that is read-only, not even the log is carried into the file.
func readVersion(ctx context.Context, dsn string) (version int64, err error) {
	db, err := openDriver(dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "PRAGMA "+busyTimeout); err != nil {
		return 0, err
	}
	return recordedVersion(ctx, db)
}

// openDriver opens a database with the driver for database/sql, over a single connection.
func openDriver(dsn string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

var errForeign = errors.New("some other program made it")

// recordedVersion reads the schema's version; 0 for an empty file.
func recordedVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables, versioned, id int64
	err = db.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = 'goose_db_version') FROM sqlite_schema").Scan(&tables, &versioned)
	switch {
	case err != nil || tables == 0:
		return 0, err
	case versioned == 0:
		return 0, errForeign
	}
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, err
	}
	if version > 0 && id != applicationID {
		return 0, errForeign
	}
	return version, nil
}

// explain says of an error in reading the version what it is.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case code(err) == sqlite3.SQLITE_NOTADB:
		return errors.New("it is no rollcall database, nor any other: name another file")
	case errors.Is(err, errForeign):
		return fmt.Errorf("it is no rollcall database: %w", err)
	case code(err) == sqlite3.SQLITE_CANTOPEN, code(err) == sqlite3.SQLITE_READONLY, code(err) == sqlite3.SQLITE_PERM:
		return errors.New("permission denied: only the user who owns it can open it, and its folder has to be writable; run as that user")
	}
	return fmt.Errorf("read the schema version: %w", err)
}

// migrate sees to it that a database has this program's schema: it creates one, upgrades an older one if it may, and refuses a newer
// one. It works while no other process can touch the file. Processes that come at once wait for the first and find nothing left to do.
func migrate(ctx context.Context, path string, steps fs.FS, upgrade bool) (backup string, err error) {
	deadline := time.Now().Add(lockWait)
	for {
		have, want, err := schemaVersion(ctx, path, steps)
		switch {
		case err == nil && have == want:
			return "", ownerOnly(path)
		case err == nil && have > want:
			return "", state.ErrNewerSchema
		case err == nil && have > 0 && !upgrade:
			return "", state.ErrOlderSchema
		case err == nil:
			backup, err = migrateAlone(ctx, path, steps)
		}
		if !isBusy(err) {
			return backup, err
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("it needs a change of schema, and another process has had it open for %v; stop that first: %w", lockWait, err)
		}
		select { // without any lock: two who hold a part of it each would wait for one another
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20*time.Millisecond + rand.N(40*time.Millisecond)):
		}
	}
}

// migrateAlone takes the file for itself and carries out the steps that are missing. It fails at once when others have it open.
func migrateAlone(ctx context.Context, path string, steps fs.FS) (backup string, err error) {
	if err := create(path); err != nil {
		return "", err
	}
	db, err := openDriver(dsn(path)) // its connection is the one that holds the lock
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := lockFile(ctx, db); err != nil {
		return "", explain(err)
	}
	have, err := recordedVersion(ctx, db) // again: somebody may have been here
	if err != nil {
		return "", explain(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	if pending, err := provider.HasPending(ctx); err != nil || !pending {
		return "", err
	}
	if have > 0 {
		backup = fmt.Sprintf("%s.schema-%d.%s.backup", path, have, time.Now().UTC().Format("20060102T150405.000Z"))
		if err := copyTo(backup, func(statement string, args ...any) error {
			_, err := db.ExecContext(ctx, statement, args...)
			return err
		}); err != nil {
			return "", err
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return backup, fmt.Errorf("change the schema: %w", err)
	}
	return backup, nil
}

// lockFile makes the connection keep the whole file to itself until it is closed.
func lockFile(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{"PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "COMMIT"} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func latest(steps fs.FS) (int64, error) {
	names, err := fs.Glob(steps, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(errors.New("no migrations"), err)
	}
	return goose.NumericComponent(names[len(names)-1])
}

// locate makes a path absolute and sees that its directory is there. What fails says so of "it": callers say which path.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("no path is given")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", errors.New("it is a directory; name a file in it")
	}
	switch info, err := os.Stat(filepath.Dir(path)); {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New("its directory does not exist; create it first")
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s is no directory", filepath.Dir(path))
	}
	return path, nil
}

// create makes an empty file that only its owner may read; SQLite gives the files beside it the same mode. A file that is there is
// not opened: to open and close it would end the locks that this process holds on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return ownerOnly(path)
	case err != nil:
		return err
	}
	return f.Close()
}

// ownerOnly takes group and other permissions away from a database that was left readable by others, by a copy or a restore.
func ownerOnly(path string) error {
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err == nil {
			err = os.Chmod(file, info.Mode().Perm()&0o700)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
