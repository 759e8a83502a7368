package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/sync/mapping"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// TestConfigFaults holds each configuration in testdata/config against the faults beside it: all at once, by position.
func TestConfigFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := "right\n"
			if _, err := loadConfig(file); err != nil {
				got = strings.ReplaceAll(err.Error(), "testdata/config/", "") + "\n"
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConfigFaultsNeverEchoSecrets writes a literal secret at every place for one.
func TestConfigFaultsNeverEchoSecrets(t *testing.T) {
	const literal = "s3cr3t~value"
	for _, setting := range []string{
		"entra: {tenant_id: t, client_id: c, app_id: a, client_secret: " + literal + "}",
		"entra: {tenant_id: t, client_id: c, app_id: a, client_secret: 'env:" + literal + "'}",
		"entra: {tenant_id: t, app_id: a, access_token: " + literal + "}",
		"entra: {tenant_id: t, app_id: a, client_secret: [" + literal + "]}",
		"entra: {tenant_id: t, app_id: a, client_secret: {x: " + literal + "}}",
		"entra: {client_secret: " + literal,
	} {
		_, err := loadText(t, "sources:\n  - {name: a, tenant: a, kind: entra, "+setting+"}\n")
		if err == nil {
			t.Errorf("%s: taken", setting)
		} else if strings.Contains(err.Error(), literal) {
			t.Errorf("%s: the fault repeats the secret:\n%s", setting, err)
		}
	}
}

func loadText(t *testing.T, text string) (*config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rollcall.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig(file)
}

func TestConfigEmptySource(t *testing.T) {
	c, err := loadText(t, "sources:\n  - {name: a, tenant: b, kind: okta}\n")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sources[0]
	if s.pulls() || s.Schedule != "" {
		t.Errorf("a source without a block pulls: %+v", s)
	}
	if filepath.Base(c.State) != "rollcall.db" || filepath.Dir(c.State) != filepath.Dir(c.File) {
		t.Errorf("the database is %s, not beside the configuration", c.State)
	}
}

func TestConfigIncludes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rollcall.yaml", "include: [sources.d/*.yaml, 'sources.d/a*']\nsources:\n  - {name: z, tenant: z, kind: okta}\n")
	write("sources.d/b.yaml", "sources:\n  - {name: b, tenant: b, kind: okta, okta: {org_url: 'https://b.okta.com', app_id: a, api_token: 'file:token'}}\n")
	write("sources.d/a.yaml", "sources:\n  - {name: a, tenant: a, kind: entra}\n")
	write("sources.d/empty.yaml", "# nobody any more\n")
	c, err := loadConfig(filepath.Join(dir, "rollcall.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"z", "a", "b"}, names); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if want, got := "file:"+filepath.Join(dir, "sources.d/token"), c.Sources[2].Okta.APIToken.String(); got != want {
		t.Errorf("the token of an included file is %s, want %s", got, want)
	}

	write("sources.d/c.yaml", "listen: 127.0.0.1:1\nsources:\n  - {name: a, tenant: c, kind: okta}\n")
	_, err = loadConfig(filepath.Join(dir, "rollcall.yaml"))
	if err == nil {
		t.Fatal("an included file with more than sources, and a name used twice, were taken")
	}
	for _, want := range []string{"c.yaml:1:1: listen: no such setting", "c.yaml:3:12: sources[0].name: is the name of another source, " + filepath.Join(dir, "sources.d/a.yaml") + ":2:12"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in:\n%s", want, err)
		}
	}
}

// configOptions compare configurations, but for where they stand.
var configOptions = cmp.Options{
	cmp.AllowUnexported(secret{}),
	cmp.Comparer(func(a, b *mapping.Mapping) bool { return a.Hash() == b.Hash() }),
	cmpopts.IgnoreFields(sourceConfig{}, "at", "path"),
	cmpopts.IgnoreFields(config{}, "byName", "main", "Types", "Users"),
	cmpopts.EquateEmpty(),
}

// TestExampleConfig proves that the example is right, that what it shows is the defaults, and that every alternative in it is right.
func TestExampleConfig(t *testing.T) {
	text, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := loadText(t, string(text))
	if err != nil {
		t.Fatalf("the example is wrong:\n%s", err)
	}

	t.Run("defaults", func(t *testing.T) {
		defaults := defaultConfig(shown.File)
		defaults.State = filepath.Join(filepath.Dir(shown.File), defaults.State)
		defaults.Sources = shown.Sources
		if diff := cmp.Diff(defaults, *shown, configOptions); diff != "" {
			t.Errorf("what the example shows is not the default (-default +shown):\n%s", diff)
		}
		for i, shown := range shown.Sources {
			source := defaultSource()
			source.Name, source.Tenant, source.Kind, source.Compiled = shown.Name, shown.Tenant, shown.Kind, shown.Compiled
			source.Mapping = mapping.Default(shown.Kind)
			if shown.Entra != nil {
				source.Entra = defaultEntra()
				source.Entra.TenantID, source.Entra.ClientID = shown.Entra.TenantID, shown.Entra.ClientID
				source.Entra.AppID, source.Entra.ClientSecret = shown.Entra.AppID, shown.Entra.ClientSecret
			}
			if shown.Okta != nil {
				source.Okta = defaultOkta()
				source.Okta.OrgURL, source.Okta.AppID, source.Okta.APIToken = shown.Okta.OrgURL, shown.Okta.AppID, shown.Okta.APIToken
			}
			if diff := cmp.Diff(source, shown, configOptions); diff != "" {
				t.Errorf("source %d: what the example shows is not the default (-default +shown):\n%s", i, diff)
			}
		}
	})

	t.Run("every setting", func(t *testing.T) {
		var missing func(path string, schema map[string]any)
		missing = func(path string, schema map[string]any) {
			if items, ok := schema["items"].(map[string]any); ok {
				missing(path, items)
			}
			properties, _ := schema["properties"].(map[string]any)
			for name, inner := range properties {
				if !strings.Contains(string(text), name+":") {
					t.Errorf("%s is not in the example", join(path, name))
				}
				missing(join(path, name), inner.(map[string]any))
			}
		}
		missing("", configSchema())
	})

	credentials := []string{"client_secret", "certificate", "federated_token", "managed_identity"}
	lines := strings.Split(string(text), "\n")
	alternatives := 0
	for i, line := range lines {
		content := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(content, "#") || strings.HasPrefix(content, "# ") || content == "#" {
			continue
		}
		alternatives++
		setting := strings.TrimPrefix(content, "#")
		key, _, _ := strings.Cut(setting, ":")
		tried := bytes.NewBuffer(nil)
		for j, other := range lines {
			switch {
			case j == i:
				other = strings.Repeat(" ", len(line)-len(content)) + setting
			case j < i && j > i-8 && strings.HasPrefix(strings.TrimSpace(other), key+":"), slices.Contains(credentials, key) && strings.HasPrefix(strings.TrimSpace(other), "client_secret:"),
				strings.HasPrefix(setting, "tls:") && strings.HasPrefix(other, "insecure_listen"):
				other = "" // what it is an alternative to
			}
			tried.WriteString(other + "\n")
		}
		t.Run(key, func(t *testing.T) {
			dir := t.TempDir()
			writeCertificate(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), 1)
			writeCertificate(t, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem"), 2)
			file := filepath.Join(dir, "rollcall.yaml")
			if err := os.WriteFile(file, tried.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := loadConfig(file); err != nil {
				t.Errorf("%s is refused:\n%s", setting, err)
			}
		})
	}
	if alternatives < 10 {
		t.Errorf("only %d alternatives were found in the example", alternatives)
	}
}

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"good": " token\n", "blank": "\n", "huge": strings.Repeat("x", maxSecretSize+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"GOOD": "token\n", "BLANK": " "}[name]
		return value, ok
	}
	for _, test := range []struct {
		ref   secret
		want  string
		fault string
	}{
		{secret{}, "", ""},
		{secret{"env", "GOOD"}, "token", ""},
		{secret{"env", "BLANK"}, "", "is empty"},
		{secret{"env", "NONE"}, "", "is not set"},
		{secret{"file", filepath.Join(dir, "good")}, "token", ""},
		{secret{"file", filepath.Join(dir, "blank")}, "", "is empty"},
		{secret{"file", filepath.Join(dir, "none")}, "", "no such file"},
		{secret{"file", filepath.Join(dir, "huge")}, "", "larger than 64 KiB"},
		{secret{"file", dir}, "", "is not a file"},
	} {
		got, err := test.ref.read(env)
		if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %q, %v; want %q, %q", test.ref, got, err, test.want, test.fault)
		}
	}
}

func TestSecretFaultsHavePlaces(t *testing.T) {
	c, err := loadText(t, `sources:
  - name: a
    tenant: a
    kind: okta
    okta:
      org_url: https://a.okta.com
      app_id: app
      api_token: env:NOWHERE
`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Sources[0].secretFaults(func(string) (string, bool) { return "", false })
	want := fault{File: c.File, Line: 8, Column: 18, Path: "sources[0].okta.api_token", What: "the environment variable NOWHERE is not set"}
	if diff := cmp.Diff(faults{want}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		720 * time.Hour: "720h", 15 * time.Minute: "15m", 90 * time.Second: "1m30s", 0: "0s", time.Hour + time.Second: "1h0m1s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// FuzzDecodeConfig: whatever is in a file, decoding ends in a configuration or in faults with places, never in a panic.
func FuzzDecodeConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../config.example.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &x [*x]\nlisten: *x\nsources: *x\n"))
	f.Add([]byte("sources: [{name: a, tenant: a, kind: entra, schedule: 'CRON_TZ=UTC'}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &document{file: "fuzz.yaml"}
		var includes []string
		c := defaultConfig(d.file)
		d.decode(d.parse(data), configShape(&c, &includes, d.dir), &c.Sources)
		for _, f := range d.faults {
			if f.Line < 1 || f.Column < 1 || f.What == "" || strings.ContainsRune(f.Error(), '\n') {
				t.Errorf("a fault without place or in several lines: %q", f.Error())
			}
		}
	})
}
