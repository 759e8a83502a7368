package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/connectors/rest"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// Rules between settings: contradictions, and settings that would be ignored.

// check adds the faults that concern the whole program.
func (c *config) check(d *document) {
	c.State = d.defaulted("state", c.State)
	if c.OpsListen == "off" {
		c.OpsListen = ""
	}
	encrypted := d.given("tls")
	switch {
	case encrypted && c.InsecureListen:
		d.fault("insecure_listen", "contradicts tls", "keep one of the two")
	case !encrypted && !c.InsecureListen && !listensOnLoopback(c.Listen):
		d.fault("listen", "is plain HTTP that other machines can reach: bearer keys would travel unprotected",
			"set tls: {cert, key}; or listen on 127.0.0.1; or, behind a proxy that ends TLS, set insecure_listen: true")
	}
	if c.OpsListen != "" && c.OpsListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		d.fault("ops.listen", "is the receiver's address", "use another port")
	}
	if info, err := os.Stat(filepath.Dir(c.State)); err != nil || !info.IsDir() {
		d.fault("state", "its folder "+filepath.Dir(c.State)+" does not exist", "create it, or name another")
	}
	c.checkConsole(d)
	c.checkFiles(d)
	c.checkUnique()
	c.compileSchemas(d)
	for i := range c.Sources {
		c.Sources[i].compile(c)
	}
}

// warnings are what is allowed, and worth a word.
func (c *config) warnings() []fault {
	var all []fault
	warn := func(path, what, mend string) {
		at := c.main.position(path)
		all = append(all, fault{File: c.main.file, Line: at.Line, Column: at.Column, Path: path, What: what, Mend: mend})
	}
	for _, path := range c.main.barren {
		warn(path, "matches no file", "create one, or take it out")
	}
	if len(c.Sources) == 0 {
		warn("sources", "there are none: nothing is received and nothing is pulled", "add the first, as config.example.yaml shows")
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.pulls() && s.Compiled != nil && !deactivates(s.Compiled) {
			at := s.at.position(join(s.path, "mapping"))
			all = append(all, fault{
				File: s.at.file, Line: at.Line, Column: at.Column, Path: join(s.path, "mapping"), What: noActiveRow,
				Mend: "add the row for active that 'rollcall mapping show' has for a source without a mapping, unless that is meant",
			})
		}
	}
	if c.OpsListen != "" && !listensOnLoopback(c.OpsListen) {
		warn("ops.listen", "is plain HTTP that other machines can reach: it shows no secrets and no personal data, but the names of sources and how they are",
			"let only your monitoring reach it, or listen on 127.0.0.1")
	}
	return all
}

const noActiveRow = "has no row for active with apply: always, so that no pull ever deactivates anybody"

// deactivates tells whether a mapping can say that somebody is inactive.
func deactivates(m *mapping.Mapping) bool {
	return slices.ContainsFunc(m.Targets(), func(t mapping.Target) bool {
		return t.Apply == mapping.Always && scim.EqualFold(t.Path.Attr, "active") && t.Path.Sub == "" && t.Path.Filter == nil
	})
}

// checkFiles adds faults about the files that the configuration names.
func (c *config) checkFiles(d *document) {
	readable := func(path, name string) bool {
		_, err := os.ReadFile(name)
		if name != "" && err != nil {
			d.fault(path, "cannot be read: "+reason(err), "")
		}
		return name != "" && err == nil
	}
	pair := func(path, certFile, keyFile string) {
		if cert, key := readable(join(path, "cert"), certFile), readable(join(path, "key"), keyFile); cert && key {
			if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
				d.fault(path, "is no certificate with its key: "+strings.TrimPrefix(err.Error(), "tls: "), "name two PEM files that belong together")
			}
		}
	}
	pair("tls", c.CertFile, c.KeyFile)
	pair("console.tls", c.ConsoleCert, c.ConsoleKey)
	if readable("outbound.ca_file", c.CAFile) {
		if _, err := trustedBeside(c.CAFile); err != nil {
			d.fault("outbound.ca_file", err.Error(), "name a PEM file")
		}
	}
}

// trustedBeside returns the system's certificates and those of a file.
func trustedBeside(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's certificates cannot be read: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate")
	}
	return pool, nil
}

// defaulted resolves the default of a path that the file does not have; one that it has was resolved when it was decoded.
func (d *document) defaulted(path, value string) string {
	if d.given(path) {
		return value
	}
	return d.relative(value)
}

// checkUnique indexes the sources by name and adds faults for names and applications that two of them claim.
func (c *config) checkUnique() {
	applications := map[string]*sourceConfig{}
	c.byName = map[string]*sourceConfig{}
	for i := range c.Sources {
		s := &c.Sources[i]
		if first, taken := c.byName[s.Name]; taken && s.Name != "" {
			s.at.fault(join(s.path, "name"), "is the name of another source, "+first.where("name"), "give each its own")
		} else {
			c.byName[s.Name] = s
		}
		id := s.identity()
		if first, taken := applications[id]; taken && id != "" {
			s.at.fault(join(s.path, s.Kind+".app_id"), "is already pulled by source "+first.Name+", "+first.where("name"),
				"two sources never share an application: its people would be recorded twice")
		} else {
			applications[id] = s
		}
	}
}

// where names a setting's place for a person.
func (s *sourceConfig) where(setting string) string {
	at := s.at.position(join(s.path, setting))
	return fmt.Sprintf("%s:%d:%d", s.at.file, at.Line, at.Column)
}

// fault is a fault of one of the source's settings that is found only when it is used.
func (s *sourceConfig) fault(setting, what string) fault {
	path := join(s.path, setting)
	at := s.at.position(path)
	return fault{File: s.at.file, Line: at.Line, Column: at.Column, Path: path, What: what}
}

// check adds the faults of one source and fills in the defaults that depend on its kind.
func (s *sourceConfig) check() {
	fault := func(setting, what, mend string) { s.at.fault(join(s.path, setting), what, mend) }
	given := func(setting string) bool { return s.at.given(join(s.path, setting)) }

	if s.Entra != nil && s.Kind == "okta" {
		fault("entra", "contradicts kind: okta", "use an okta: block, or kind: entra")
	}
	if s.Okta != nil && s.Kind == "entra" {
		fault("okta", "contradicts kind: entra", "use an entra: block, or kind: okta")
	}
	if s.Kind != "" && !s.pulls() {
		for _, setting := range []string{"schedule", "scope", "scoping", "groups", "policy", "mapping"} {
			if given(setting) {
				fault(setting, "would be ignored: without an "+s.Kind+": block the source is push-only", "add the block, or take this out")
			}
		}
		s.Schedule = ""
	}
	if s.Entra != nil {
		s.Entra.check(fault, given)
	}
	if s.Okta != nil {
		s.Okta.check(fault, given)
	}
	if s.Kind == "okta" && len(s.Filters) > 0 {
		fault("scoping", "is Entra's: Okta has no scoping filters", "assign to the application, in Okta, whom you want")
	}
	seen := map[string]bool{}
	for i, name := range s.Removal.Protect {
		if seen[scim.Fold(name)] {
			fault(itemPath("removal.protect", i), "is listed twice", "keep one")
		}
		seen[scim.Fold(name)] = true
	}
}

func (e *entraConfig) check(fault func(setting, what, mend string), given func(setting string) bool) {
	e.GraphURL, e.LoginURL = strings.TrimSuffix(e.GraphURL, "/"), strings.TrimSuffix(e.LoginURL, "/")
	graph, _ := url.Parse(e.GraphURL)
	var ways []string
	for _, way := range []string{"client_secret", "certificate", "federated_token", "managed_identity", "access_token"} {
		if given("entra."+way) && (way != "managed_identity" || e.ManagedIdentity) {
			ways = append(ways, way)
		}
	}
	switch {
	case len(ways) > 1:
		fault("entra."+ways[len(ways)-1], "contradicts "+strings.Join(ways[:len(ways)-1], " and "), "keep exactly one")
	case len(ways) == 0:
		fault("entra.client_secret", "is missing", "name it as env:NAME or file:PATH, or use certificate, federated_token or managed_identity")
	case ways[0] == "access_token" && (e.GraphURL == "" || !rest.Loopback(graph.Hostname())):
		fault("entra.access_token", "is for a simulator on this machine only", "set graph_url to a loopback address, or use client_secret")
	case ways[0] == "federated_token" && e.FederatedToken.from == "env":
		fault("entra.federated_token", "must be a file: the platform writes a new token into it", "write file:PATH")
	}
	if !given("entra.client_id") && !given("entra.access_token") && !e.ManagedIdentity {
		fault("entra.client_id", "is missing", "name the app registration's application (client) id")
	}
	if given("entra.certificate_password") && !given("entra.certificate") {
		fault("entra.certificate_password", "is set without certificate", "set both, or take it out")
	}
	if given("entra.graph_url") && given("entra.cloud") {
		fault("entra.cloud", "contradicts graph_url", "keep one of the two")
	}
	if given("entra.login_url") && !given("entra.graph_url") {
		fault("entra.login_url", "is set without graph_url", "set both, or use cloud")
	}
	if given("entra.graph_url") && !given("entra.login_url") && !given("entra.access_token") {
		fault("entra.graph_url", "is set without login_url: the client secret would go to the vendor's real sign-in", "set login_url too, or use access_token")
	}
}

func (o *oktaConfig) check(fault func(setting, what, mend string), given func(setting string) bool) {
	token, client, key := given("okta.api_token"), given("okta.client_id"), given("okta.private_key")
	switch {
	case token && (client || key):
		fault("okta.api_token", "contradicts client_id and private_key", "keep the token or the service app")
	case client && !key:
		fault("okta.private_key", "is missing", "name the service app's private key, a PEM file, as file:PATH")
	case key && !client:
		fault("okta.client_id", "is missing", "name the client id of the service app")
	case !token && !client:
		fault("okta.api_token", "is missing", "name an API token as env:NAME or file:PATH, or a service app as client_id and private_key")
	}
	if given("okta.key_id") && !key {
		fault("okta.key_id", "is set without private_key", "set both, or take it out")
	}
}

// compile compiles the mapping, the kind's default if the file has none, and puts each of its faults where the row stands.
func (s *sourceConfig) compile(c *config) {
	if s.Kind == "" {
		return // already reported as missing
	}
	if s.TenantMapping {
		if s.at.given(join(s.path, "scoping")) {
			s.at.fault(join(s.path, "scoping"), "contradicts mapping: tenant, which reads the scoping filters too", "keep one of the two")
		}
		return
	}
	if !s.at.given(join(s.path, "mapping")) {
		s.Mapping = mapping.Default(s.Kind)
	}
	for i, row := range s.Mapping {
		if row.Target == "" {
			return // already reported as missing
		}
		if schema := c.declares(row.Target); schema != nil {
			s.at.fault(join(s.path, join(itemPath("mapping", i), "target")), "lies in the declared schema "+schema.Name+": pulling into one is not built yet",
				"take the row out; what the provider pushes there is kept")
			return
		}
	}
	s.compileScoping()
	compiled, err := mapping.Compile(s.Mapping)
	s.Compiled = compiled
	for _, f := range mappingFaults(err) {
		row := join(s.path, itemPath("mapping", f.Row))
		text := ""
		if f.Row < len(s.Mapping) {
			text = map[string]string{"target": s.Mapping[f.Row].Target, "source": s.Mapping[f.Row].Source, "default": s.Mapping[f.Row].Default}[f.Field]
		}
		path := join(row, f.Field)
		s.at.add(s.at.within(path, text, f.Column), path, f.Text, "")
	}
}

// compileScoping compiles the scoping filters and puts each fault where its clause stands.
func (s *sourceConfig) compileScoping() {
	for _, filter := range s.Filters {
		for _, c := range filter {
			if c.Attribute == "" || c.Operator == "" {
				return // already reported as missing
			}
		}
	}
	var err error
	s.Scoping, err = mapping.CompileScoping(s.Filters)
	for _, e := range each(err) {
		f := &mapping.ClauseFault{Filter: 0, Clause: -1, Text: e.Error()}
		errors.As(e, &f)
		path := join(s.path, itemPath("scoping", f.Filter))
		if f.Clause >= 0 {
			path = join(itemPath(path, f.Clause), f.Field)
		}
		s.at.fault(path, f.Text, "")
	}
}

// mappingFaults lists the faults that a mapping, or an expression, was refused for.
func mappingFaults(err error) []*mapping.Fault {
	var out []*mapping.Fault
	for _, e := range each(err) {
		f := &mapping.Fault{Text: e.Error()}
		errors.As(e, &f)
		out = append(out, f)
	}
	return out
}

// each takes a joined error apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, each(e)...)
	}
	return out
}
