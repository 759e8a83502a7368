package main

import (
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"rollcall/connectors"
	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// config is the configuration: what the file says, defaults filled in, checked. Paths are absolute or relative to the working
// directory, never to the file. Secrets are references; nothing has read them yet.
type config struct {
	File string

	Listen          string
	CertFile        string // "" = plain HTTP
	KeyFile         string
	InsecureListen  bool
	BasePath        string
	PublicURL       string         // "" = from the request
	TrustedProxies  []netip.Prefix // whose X-Forwarded-Proto and -Host count
	State           string         // path of the database
	ConsoleListen   string         // "" = none
	ConsoleURL      string         // "" = the address itself
	ConsoleCert     string         // "" = plain HTTP
	ConsoleKey      string
	ConsoleInsecure bool
	ConsoleOIDC     *oidcConfig // nil: no sign-in through a provider
	OpsListen       string      // "" = none
	Proxy           string      // for calls to identity providers; "" = from HTTPS_PROXY and NO_PROXY
	CAFile          string      // certificates trusted beside the system's; "" = none
	ParallelPulls   int
	Hints           time.Duration // 0 = never
	AlarmURL        secret        // where alarms are posted; none = nowhere
	Retention       retentionConfig
	TokenSecret     secret // of access tokens; none = drawn at random, for the process
	Schemas         []schemaConfig
	Sources         []sourceConfig

	Types scimapi.Types      // what Schemas make of users and groups; zero without any
	Users *scim.ResourceType // its users; nil without any

	byName map[string]*sourceConfig
	main   *document
}

// sourceConfig is one configured identity provider.
type sourceConfig struct {
	Name     string
	Tenant   string
	Kind     string
	Schedule string // cron; "" = on demand
	Entra    *entraConfig
	Okta     *oktaConfig
	People   string // connectors.Assigned or connectors.Everyone
	Filters  [][]mapping.Clause
	Scoping  *mapping.Scoping // of Filters; nil without any
	Groups   string
	Dialect  string
	Policy   string
	Mapping  []mapping.Row
	Compiled *mapping.Mapping // nil with TenantMapping

	TenantMapping bool // mapping and scoping filters are read from the provider
	Removal       removalConfig
	Limits        limitsConfig

	at   *document // where it stands: its file, and its path therein
	path string
}

// entraConfig says how to ask Microsoft Graph.
type entraConfig struct {
	TenantID            string
	ClientID            string
	ClientSecret        secret
	Certificate         secret
	CertificatePassword secret
	FederatedToken      secret
	ManagedIdentity     bool // ClientID "" = the machine's own, otherwise the user-assigned one
	AccessToken         secret
	AppID               string
	Cloud               string
	GraphURL            string
	LoginURL            string
	Transitive          bool
}

// oktaConfig says how to ask Okta.
type oktaConfig struct {
	OrgURL     string
	AppID      string
	APIToken   secret
	ClientID   string
	PrivateKey secret
	KeyID      string
	Suspended  string
}

// removalConfig is the rules of removal.
type removalConfig struct {
	GatePercent int
	GateFloor   int
	PushGate    string
	PushHold    time.Duration
	Purge       bool
	Grace       time.Duration
	Settle      time.Duration
	Protect     []string

	SkipOutOfScope bool
}

// removalConfig.PushGate.
const (
	pushGateAlarm = "alarm" // pushAlarm warns
	pushGateHold  = "hold"  // plan.PushGate holds
	pushGateOff   = "off"
)

// retentionConfig is how long history is kept.
type retentionConfig struct{ Journal, Requests time.Duration }

// limitsConfig bounds what a source may cost.
type limitsConfig struct {
	RequestsPerSecond int // pushes; 0 = no limit
	MaxAccounts       int // 0 = no limit
	APIShare          int // percent of the provider's rate limit
}

func (s *sourceConfig) scope() state.Scope { return state.Scope{Tenant: s.Tenant, Source: s.Name} }

// pulls tells whether there is anything to ask; otherwise the source is push-only.
func (s *sourceConfig) pulls() bool { return s.Entra != nil || s.Okta != nil }

// identity is what tells one application at a provider from another; "" for a push-only source.
func (s *sourceConfig) identity() string {
	switch {
	case s.Entra != nil:
		return strings.ToLower("entra " + s.Entra.GraphURL + " " + s.Entra.TenantID + " " + s.Entra.AppID)
	case s.Okta != nil:
		return strings.ToLower("okta "+s.Okta.OrgURL) + " " + s.Okta.AppID
	}
	return ""
}

// The defaults. config.example.yaml shows them and a test holds the two together.
func defaultConfig(file string) config {
	return config{
		File:          file,
		Listen:        "127.0.0.1:8080",
		BasePath:      "/auth/scim",
		State:         "rollcall.db",
		ConsoleListen: "127.0.0.1:8081",
		OpsListen:     "127.0.0.1:8082",
		ParallelPulls: 4,
		Hints:         time.Minute,
		Retention:     retentionConfig{Journal: year, Requests: 720 * time.Hour},
	}
}

func defaultSource() sourceConfig {
	return sourceConfig{
		Schedule: "@hourly",
		People:   connectors.Assigned,
		Groups:   dirsync.GroupsPushed,
		Dialect:  "lenient",
		Policy:   dirsync.PolicyFull,
		Removal: removalConfig{
			GatePercent: 10, GateFloor: 5, PushGate: pushGateAlarm, PushHold: 24 * time.Hour, Grace: 720 * time.Hour, Settle: 15 * time.Minute,
		},
		Limits: limitsConfig{RequestsPerSecond: scimapi.DefaultRate, APIShare: 25},
	}
}

func defaultEntra() *entraConfig { return &entraConfig{Cloud: "public"} }
func defaultOkta() *oktaConfig   { return &oktaConfig{Suspended: "inactive"} }

// source finds a source by name.
func (c *config) source(name string) (*sourceConfig, bool) {
	s, ok := c.byName[name]
	return s, ok
}

// loadConfig reads and checks the configuration. Its error is all faults at once, as faults.
func loadConfig(file string) (*config, error) {
	c := defaultConfig(file)
	main, root := readDocument(file)
	documents := []*document{main}
	if root == nil && len(main.faults) == 0 {
		main.fault("", "is empty", "start from config.example.yaml")
	}
	var includes []string
	main.decode(root, configShape(&c, &includes, main.dir), &c.Sources)
	for _, included := range main.include(includes) {
		more, root := readDocument(included) // an empty one is a customer who was taken away
		documents = append(documents, more)
		var sources []sourceConfig
		more.decode(root, includedShape(&sources, more.dir), &sources)
		c.Sources = append(c.Sources, sources...)
	}
	c.main = main
	c.check(main)

	var all faults
	for _, d := range documents {
		all = append(all, d.faults...)
	}
	if len(all) > 0 {
		return nil, all.sorted()
	}
	return &c, nil
}

// decode decodes a file's root, if there is one, and checks the sources that it defines.
func (d *document) decode(root ast.Node, is shape, sources *[]sourceConfig) {
	if root == nil {
		return
	}
	d.value("", root, token.Position{Line: 1, Column: 1}, is)
	for i := range *sources {
		s := &(*sources)[i]
		s.at, s.path = d, itemPath("sources", i)
		s.check()
	}
}

// include expands the patterns of the include setting, in order, each file once. A path that is no pattern has to be there.
func (d *document) include(patterns []string) []string {
	var files []string
	seen := map[string]bool{}
	for i, pattern := range patterns {
		matches, err := filepath.Glob(d.relative(pattern))
		switch {
		case err != nil:
			d.fault(itemPath("include", i), "is not a file pattern", "write it as sources.d/*.yaml")
		case len(matches) == 0 && strings.ContainsAny(pattern, `*?[`):
			d.barren = append(d.barren, itemPath("include", i))
		case len(matches) == 0:
			d.fault(itemPath("include", i), pattern+" matches no file", "create it, or take it out: what it would hold is not read")
		}
		for _, m := range matches {
			if !seen[m] {
				seen[m] = true
				files = append(files, m)
			}
		}
	}
	return files
}

// relative resolves a path of the file against the file's folder.
func (d *document) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}
