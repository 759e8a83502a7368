//go:build unix

package scimapi_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"rollcall/state"
	"rollcall/state/sqlite"
)

// applyEnv makes the test binary a second process that applies changes to another source of the database named, as a `sync` beside a
// running `serve` does, until its standard input ends.
const applyEnv = "ROLLCALL_TEST_APPLY"

const applyBatch = 500 // changes handed over at a time, as the engine does

// applyUntilTold writes batch after batch and then prints how many changes it made.
func applyUntilTold(path string) error {
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.EnsureSource(context.Background(), globex, "okta"); err != nil {
		return err
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		io.Copy(io.Discard, os.Stdin)
	}()
	fmt.Println("ready")
	for n := 0; ; n += applyBatch {
		select {
		case <-told:
			fmt.Println(n)
			return nil
		default:
		}
		var mutations []state.Mutation
		for i := n; i < n+applyBatch; i++ {
			m := benchMutation(state.KindAccount, state.NewID(), mustNormalize(userBody(fmt.Sprintf("applied%d-%d", os.Getpid(), i))), nil)
			m.Scope = globex
			mutations = append(mutations, m)
		}
		results, err := db.Write(state.Bulk, mutations)
		if err != nil {
			return err
		}
		for _, result := range results {
			if result.Err != nil {
				return result.Err
			}
		}
	}
}

// besideApply runs f while a second process applies changes to the same database, and returns how many it made.
func besideApply(b *testing.B, path string, f func()) (applied int) {
	process := exec.CommandContext(b.Context(), os.Args[0])
	process.Env = append(os.Environ(), applyEnv+"="+path)
	process.Stderr = os.Stderr
	in, err := process.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		b.Fatal("the second process did not come up: ", err)
	}
	f()
	in.Close()
	if _, err := fmt.Fscanln(out, &applied); err != nil {
		b.Error("the second process did not say what it did: ", err)
	}
	if err := process.Wait(); err != nil {
		b.Error(err)
	}
	return applied
}
