package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// secret is a reference to a secret: env:NAME or file:PATH. The secret itself is read when it is needed and kept nowhere. The zero
// secret is none.
type secret struct {
	from string // "env" or "file"
	name string
}

// lookupEnv reads an environment variable, as os.LookupEnv does.
type lookupEnv func(name string) (string, bool)

// String returns the reference, which is not secret.
func (s secret) String() string {
	if s == (secret{}) {
		return ""
	}
	return s.from + ":" + s.name
}

// maxSecretSize is far above any token and keeps a wrong path, such as a device, from filling the memory.
const maxSecretSize = 64 << 10

// read returns the secret without the white space around it. Errors name the reference, never its content.
func (s secret) read(env lookupEnv) (string, error) {
	text, err := s.readWhole(env)
	return strings.TrimSpace(text), err
}

// readWhole returns the secret as it is, for one that may be binary. It is never blank, unless there is no reference.
func (s secret) readWhole(env lookupEnv) (string, error) {
	var text, what string
	switch s.from {
	case "env":
		var ok bool
		if text, ok = env(s.name); !ok {
			return "", errors.New("the environment variable " + s.name + " is not set")
		}
		what = "the environment variable " + s.name
	case "file":
		info, err := os.Stat(s.name)
		switch {
		case err != nil:
			return "", errors.New("the file " + s.name + " cannot be read: " + reason(err))
		case !info.Mode().IsRegular():
			return "", errors.New(s.name + " is not a file")
		case info.Size() > maxSecretSize:
			return "", errors.New("the file " + s.name + " is larger than 64 KiB, which no secret is")
		}
		data, err := os.ReadFile(s.name)
		if err != nil {
			return "", errors.New("the file " + s.name + " cannot be read: " + reason(err))
		}
		text, what = string(data), "the file "+s.name
	default:
		return "", nil
	}
	if strings.TrimSpace(text) == "" {
		return "", errors.New(what + " is empty")
	}
	return text, nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secretRef is a place for a secret. What is no reference is refused without being repeated.
func secretRef(into *secret, dir string) shape {
	return shape{
		schema: map[string]any{"type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"},
		decode: func(d *document, path string, n ast.Node) {
			s, ok := d.scalar(path, n)
			if !ok {
				return
			}
			ref, ok := parseSecret(s)
			if !ok {
				d.fault(path, "must say where the secret is, not the secret itself", "write env:NAME or file:PATH, and change the secret if this was a real one")
				return
			}
			if ref.from == "file" {
				ref.name = (&document{dir: dir}).relative(ref.name)
			}
			*into = ref
		},
	}
}

// parseSecret reads a reference.
func parseSecret(s string) (secret, bool) {
	from, name, _ := strings.Cut(s, ":")
	ok := from == "env" && envName.MatchString(name) || from == "file" && name != ""
	return secret{from, name}, ok
}

// minTokenSecret is how many bytes a token secret has at least.
const minTokenSecret = 32

// tokenSecret reads the secret that access tokens are sealed with; nil if none is configured. Errors are a fault with its place.
func (c *config) tokenSecret(env lookupEnv) ([]byte, error) {
	if c.TokenSecret == (secret{}) {
		return nil, nil
	}
	text, err := c.TokenSecret.read(env)
	mend := ""
	if err == nil && len(text) < minTokenSecret {
		err = fmt.Errorf("has %s, which can be guessed", plural(len(text), "byte"))
		mend = fmt.Sprintf("give it at least %d random ones, such as those of 'openssl rand -hex 32'", minTokenSecret)
	}
	if err != nil {
		at := c.main.position("token_secret")
		return nil, fault{File: c.main.file, Line: at.Line, Column: at.Column, Path: "token_secret", What: err.Error(), Mend: mend}
	}
	return []byte(text), nil
}

// unreadable says why one of the source's secrets cannot be read now; "" if all can, and of a source that is nil.
func (s *sourceConfig) unreadable(env lookupEnv) string {
	if s == nil {
		return ""
	}
	if faults := s.secretFaults(env); len(faults) > 0 {
		return faults[0].What
	}
	return ""
}

// secretFaults says which of the source's secrets cannot be read, each at its place in the file.
func (s *sourceConfig) secretFaults(env lookupEnv) faults {
	refs := map[string]secret{}
	if s.Entra != nil {
		refs["entra.client_secret"], refs["entra.access_token"] = s.Entra.ClientSecret, s.Entra.AccessToken
		refs["entra.certificate"], refs["entra.certificate_password"] = s.Entra.Certificate, s.Entra.CertificatePassword
		refs["entra.federated_token"] = s.Entra.FederatedToken
	}
	if s.Okta != nil {
		refs["okta.api_token"], refs["okta.private_key"] = s.Okta.APIToken, s.Okta.PrivateKey
	}
	var out faults
	for setting, ref := range refs {
		if _, err := ref.read(env); err != nil {
			out = append(out, s.fault(setting, err.Error()))
		}
	}
	return out.sorted()
}
