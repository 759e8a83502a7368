package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rollcall": main})
}

// TestScripts drives the real binary. Each script has a folder of its own. Beside testscript's commands there are:
//
//	freeport VAR…              a port that nobody listens on
//	expand FILE                replace $VAR in a file
//	await FILE                 wait until a file is there
//	awaitglob PATTERN VAR      wait until there is a file, and take its folder
//	awaitout TEXT PROGRAM ARGS…  repeat a command until it prints a text on standard output
//	awaitstop FILE             wait until the process whose addresses are in FILE has ended
//	key FILE                   take the key in a file for http
//	http STATUS METHOD URL [BODY-FILE]   with $KEY as bearer key; the answer becomes standard output
//	token STATUS URL CLIENT KEY-FILE     ask for an access token as OAuth clients do, by form; the answer becomes standard output
//	awaithttp STATUS URL       with $KEY: repeat a GET until it is answered so
//	awaitmetric OPS LINE       wait until /metrics has a line
//	field VAR FILE PATH        a value of a JSON file, such as 0.run.id
//	signal SIGNAL FILE         to the process whose addresses are in FILE
//	[!] samedump DB VAR        compare a database's content with what it was when VAR was first given
//	dump DB FILE               write a database's content into a file, a value a line
//	sql DB STATEMENT           carry out a statement
//	hook VAR FILE              a server whose URL is VAR; what is posted to it is appended to FILE
//	exit CODE PROGRAM ARGS…    like exec, for one exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("USER", "tester")
			env.Setenv("SIMULATED_TOKEN", simulatedToken)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"freeport":  scriptFreePort,
			"expand":    scriptExpand,
			"await":     scriptAwait,
			"awaitstop": scriptAwaitStop,
			"awaitglob": scriptAwaitGlob,
			"awaitout":  scriptAwaitOut,
			"http":      scriptHTTP,
			"token":     scriptToken,
			"key": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv("KEY", strings.TrimSpace(ts.ReadFile(args[0])))
			},
			"awaitmetric": scriptAwaitMetric,
			"awaithttp":   scriptAwaitHTTP,
			"field":       scriptField,
			"signal":      scriptSignal,
			"samedump":    scriptSameDump,
			"sql":         scriptSQL,
			"dump":        scriptDump,
			"hook":        scriptHook,
			"exit":        scriptExit,
		},
	})
}

// patience bounds every wait of a script.
const patience = 30 * time.Second

// until asks again and again, a few times in the time that a blink takes, until it is so.
func until(ts *testscript.TestScript, what string, isSo func() bool) {
	for deadline := time.Now().Add(patience); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func scriptFreePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
		defer l.Close()
	}
}

func scriptExpand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func scriptHook(ts *testscript.TestScript, _ bool, args []string) {
	var one sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		body, err := io.ReadAll(r.Body)
		file, openErr := os.OpenFile(ts.MkAbs(args[1]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err := errors.Join(err, openErr); err != nil {
			panic(err)
		}
		defer file.Close()
		fmt.Fprintf(file, "%s\n", body)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, args[0]+" is not there", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

func scriptAwaitGlob(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "there is no "+args[0], func() bool {
		matches, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(matches) > 0 {
			ts.Setenv(args[1], filepath.Dir(matches[0]))
		}
		return len(matches) > 0
	})
}

func scriptAwaitOut(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, strings.Join(args[1:], " ")+" does not print "+args[0], func() bool {
		err := ts.Exec(args[1], args[2:]...)
		return err == nil && strings.Contains(ts.ReadFile("stdout"), args[0])
	})
}

func scriptHTTP(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [BODY-FILE]")
	}
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	status, answer, err := request(args[1], args[2], ts.Getenv("KEY"), body)
	ts.Check(err)
	_, err = ts.Stdout().Write(append(answer, '\n'))
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s %s was answered %d instead of %s: %s", args[1], args[2], status, args[0], answer)
	}
}

func scriptToken(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: token STATUS URL CLIENT KEY-FILE")
	}
	address, err := url.JoinPath(args[1]) // without dots
	ts.Check(err)
	answer, err := http.PostForm(address, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {args[2]}, "client_secret": {strings.TrimSpace(ts.ReadFile(args[3]))},
	})
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(append(text, '\n'))
	ts.Check(err)
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("a token from %s was answered %d instead of %s: %s", args[1], answer.StatusCode, args[0], text)
	}
}

func request(method, url, key string, body io.Reader) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/scim+json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(key))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, data, err
}

func scriptAwaitHTTP(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, args[1]+" is not answered "+args[0], func() bool {
		status, _, err := request(http.MethodGet, args[1], ts.Getenv("KEY"), nil)
		return err == nil && strconv.Itoa(status) == args[0]
	})
}

func scriptAwaitMetric(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "there is no metric "+args[1], func() bool {
		_, answer, err := request(http.MethodGet, args[0]+"/metrics", "", nil)
		return err == nil && strings.Contains("\n"+string(answer), "\n"+args[1]+"\n")
	})
}

func scriptField(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &v))
	for _, name := range strings.Split(args[2], ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			i, err := strconv.Atoi(name)
			ts.Check(err)
			if i >= len(inner) {
				ts.Fatalf("%s: there are only %d of %s", args[1], len(inner), name)
			}
			v = inner[i]
		default:
			ts.Fatalf("%s has no %s", args[1], args[2])
		}
	}
	if v == nil {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	text := fmt.Sprint(v)
	if number, ok := v.(float64); ok {
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	ts.Setenv(args[0], text)
}

func processOf(ts *testscript.TestScript, file string) int {
	var addresses struct{ PID int }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &addresses))
	if addresses.PID <= 1 {
		ts.Fatalf("%s names no process", file)
	}
	return addresses.PID
}

func scriptSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	ts.Check(syscall.Kill(processOf(ts, args[1]), signals[args[0]]))
}

func scriptAwaitStop(ts *testscript.TestScript, _ bool, args []string) {
	pid := processOf(ts, args[0])
	until(ts, "the process still runs", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

func openDatabase(ts *testscript.TestScript, file string) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(file))
	ts.Check(err)
	return db
}

// scriptSameDump compares every row of every table.
func scriptSameDump(ts *testscript.TestScript, neg bool, args []string) {
	db := openDatabase(ts, args[0])
	defer db.Close()
	hash := sha256.New()
	dump(ts, db, hash)
	sum := fmt.Sprintf("%x", hash.Sum(nil))
	before := ts.Getenv(args[1])
	ts.Setenv(args[1], sum)
	if before != "" && (before == sum) == neg {
		ts.Fatalf("%s: the same content is %v", args[0], before == sum)
	}
}

func scriptDump(ts *testscript.TestScript, _ bool, args []string) {
	db := openDatabase(ts, args[0])
	defer db.Close()
	var text bytes.Buffer
	dump(ts, db, &text)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text.Bytes(), 0o600))
}

// dump writes a database's whole content, a value a line.
func dump(ts *testscript.TestScript, db *sql.DB, w io.Writer) {
	tables, err := column(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	ts.Check(err)
	for _, table := range tables {
		rows, err := db.Query("SELECT * FROM \"" + table + "\"")
		ts.Check(err)
		names, err := rows.Columns()
		ts.Check(err)
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			ts.Check(rows.Scan(values...))
			for i := range values {
				value := *values[i].(*any)
				if raw, ok := value.([]byte); ok {
					value = string(raw)
				}
				fmt.Fprintf(w, "%s.%s=%v\n", table, names[i], value)
			}
		}
		ts.Check(errors.Join(rows.Err(), rows.Close()))
	}
}

func column(db *sql.DB, query string) ([]string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func scriptSQL(ts *testscript.TestScript, _ bool, args []string) {
	db := openDatabase(ts, args[0])
	defer db.Close()
	_, err := db.Exec(args[1])
	ts.Check(err)
}

func scriptExit(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s ended with exit code %d instead of %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// TestEveryCommandTeaches holds every command to a short line, a description or an example, and flags that say something.
func TestEveryCommandTeaches(t *testing.T) {
	a, _, _ := testApp(0)
	a.stdin = bytes.NewReader(nil)
	root := newRoot(a)
	for _, c := range append(root.Commands(), root) {
		t.Run(c.Name(), func(t *testing.T) { teaches(t, c) })
	}
}

func teaches(t *testing.T, c *cobra.Command) {
	if c.Short == "" {
		t.Errorf("%s has no short description", c.CommandPath())
	}
	if c.HasParent() && c.Example == "" {
		t.Errorf("%s has no example", c.CommandPath())
	}
	for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
		if len(line) > 100 {
			t.Errorf("%s: a line of %d columns: %q", c.CommandPath(), len(line), line)
		}
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("%s: --%s says nothing", c.CommandPath(), f.Name)
		}
	})
	for _, inner := range c.Commands() {
		teaches(t, inner)
	}
}
