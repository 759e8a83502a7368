package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func demoCommand(a *app) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole story on a simulated Entra ID and Okta, in under a minute",
		Long: `Starts a simulated Entra ID, a simulated Okta and a real 'rollcall serve' in a folder of its own,
and tells the story: both provision their people, then things change behind the receiver's
back, and Rollcall finds and repairs them. Every command that is shown is really run. The exit
code is 1 if the story does not come true.

In the end it prints a link that signs you in to the console. On a terminal everything runs on
until you press Enter; with --keep it is left running, to play with, until it is interrupted.`,
		Example: `  rollcall demo
  rollcall demo --keep`,
		Args: wants(),
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave everything running to play with")
	cmd.RunE = a.do(func(ctx context.Context, _ []string) error { return a.demo(ctx, keep) })
	return cmd
}

func (a *app) demo(ctx context.Context, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "rollcall-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	st := &stage{app: a, dir: dir, started: time.Now()}
	playing, err := st.open(ctx)
	if err == nil {
		err = st.story(playing)
	}
	if err == nil {
		err = st.goOn(playing, keep)
	}
	if err == nil && keep {
		<-playing.Done()
	}
	closed := st.close()
	if ctx.Err() != nil && err != nil {
		return errors.New("interrupted before the end of the story")
	}
	return errors.Join(err, closed)
}

// chapter begins a part of the story.
func (st *stage) chapter(title string) { fmt.Fprintf(st.app.stdout, "\n%s\n", st.strong(title)) }

// say narrates.
func (st *stage) say(format string, args ...any) {
	columns := st.app.width()
	if columns == 0 || columns > 100 {
		columns = 100
	}
	fmt.Fprintln(st.app.stdout, wrap(fmt.Sprintf(format, args...), "", columns))
}

// strong makes a text stand out on a terminal.
func (st *stage) strong(text string) string {
	if _, plain := st.app.env("NO_COLOR"); plain || st.app.width() == 0 {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

// run shows a command line as one would type it in the demo's folder, runs it and shows what it prints. It is an error if its exit
// code is another than expected.
func (st *stage) run(ctx context.Context, code int, line string) (output string, err error) {
	fmt.Fprintln(st.app.stdout, st.strong("$ rollcall "+line))
	args, file, toFile := st.split(line)
	var out, all bytes.Buffer
	stdout := io.Writer(io.MultiWriter(&out, &all))
	if toFile {
		stdout = &out
	}
	got := st.quietly(ctx, args, stdout, &all)
	if toFile {
		if err := os.WriteFile(filepath.Join(st.dir, file), out.Bytes(), 0o600); err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
	}
	for l := range strings.Lines(all.String()) {
		fmt.Fprintln(st.app.stdout, strings.TrimRight("  "+l, " \n"))
	}
	if got != code {
		return out.String(), fmt.Errorf("the story did not come true: 'rollcall %s' ended with exit code %d instead of %d", line, got, code)
	}
	if got != 0 {
		fmt.Fprintf(st.app.stdout, "  (exit code %d)\n", got)
	}
	return out.String(), nil
}

// split takes a command line apart: words, and the file behind ">".
func (st *stage) split(line string) (args []string, file string, toFile bool) {
	line, file, toFile = strings.Cut(line, " > ")
	return strings.Fields(line), file, toFile
}

// quietly runs a command line in the demo's folder, without showing it.
func (st *stage) quietly(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	inner := &app{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, env: st.app.env, now: time.Now, width: func() int {
		if columns := st.app.width(); columns > 0 {
			return columns - 2 // the indent
		}
		return 0
	}}
	return inner.run(ctx, append(args, "--config", st.configFile()))
}

func (st *stage) configFile() string { return filepath.Join(st.dir, "rollcall.yaml") }

// expect is an error unless what is true is true: a part of the story.
func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("the story did not come true: "+format, args...)
}
