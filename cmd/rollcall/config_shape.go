package main

import (
	"maps"
	"net/netip"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"rollcall/connectors"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// The file's shape, setting by setting.

const (
	year    = 365 * 24 * time.Hour
	forever = 100 * year
)

// configShape is the whole file.
func configShape(c *config, includes *[]string, dir string) shape {
	return object(
		field{name: "listen", doc: "address of the SCIM receiver; off loopback it wants tls, or insecure_listen behind a proxy", is: text(&c.Listen, address)},
		field{name: "tls", doc: "certificate chain and key of the receiver, PEM files, read again when they change", is: object(
			field{name: "cert", is: file(&c.CertFile, dir), required: true, doc: "name the certificate chain's PEM file"},
			field{name: "key", is: file(&c.KeyFile, dir), required: true, doc: "name the private key's PEM file"},
		)},
		field{name: "insecure_listen", doc: "plain HTTP off loopback, for a proxy in front that ends TLS", is: boolean(&c.InsecureListen)},
		field{name: "base_path", doc: "path of the receiver", is: text(&c.BasePath, basePath)},
		field{name: "public_url", doc: "scheme and host by which identity providers reach the receiver; what Location says", is: text(&c.PublicURL, publicURL)},
		field{name: "trusted_proxies", doc: "networks of proxies whose X-Forwarded-Proto and X-Forwarded-Host count", is: list(&c.TrustedProxies, network)},
		field{name: "token_secret", doc: "what OAuth access tokens are sealed with, at least 32 bytes; without it they end with the process", is: secretRef(&c.TokenSecret, dir)},
		field{name: "state", doc: "path of the database, also as sqlite:PATH; its folder must exist", is: database(&c.State, dir)},
		field{name: "console", doc: "the admin web page", is: consoleShape(c, dir)},
		field{name: "ops", doc: "health, readiness and metrics", is: object(
			field{name: "listen", doc: "address of /healthz, /readyz and /metrics, or off", is: text(&c.OpsListen, or("off", address))},
		)},
		field{name: "alarm", doc: "where alarms are posted", is: object(
			field{name: "url", doc: "name the URL as env:NAME or file:PATH: it often holds a key; one JSON POST for each condition that begins or ends", is: secretRef(&c.AlarmURL, dir), required: true},
		)},
		field{name: "include", doc: "patterns of further files, each with sources", is: list(includes, func(s *string) shape { return text(s, filled) })},
		field{name: "outbound", doc: "how identity providers are reached", is: object(
			field{name: "proxy", doc: "URL of a proxy; without it HTTPS_PROXY and NO_PROXY decide", is: text(&c.Proxy, webURL)},
			field{name: "ca_file", doc: "PEM certificates that are trusted beside the system's", is: file(&c.CAFile, dir)},
		)},
		field{name: "hints", doc: "how often 'serve' asks between pulls who has changed, so that they are looked at early; off = never", is: orOff(&c.Hints, duration(&c.Hints, 10*time.Second, 24*time.Hour))},
		field{name: "max_parallel_pulls", doc: "runs at the same time", is: number(&c.ParallelPulls, 1, 64)},
		field{name: "retention", doc: "how long history is kept; what is older is removed once a day", is: object(
			field{name: "journal", doc: "of changes; nothing can be undone or explained further back", is: duration(&c.Retention.Journal, 48*time.Hour, forever)},
			field{name: "requests", doc: "of pushes", is: duration(&c.Retention.Requests, time.Hour, forever)},
		)},
		field{name: "schemas", doc: "extensions of users and groups, of all sources", is: list(&c.Schemas, schemaShape)},
		sourcesField(&c.Sources, dir),
	)
}

// includedShape is a file that include names: sources and nothing else.
func includedShape(sources *[]sourceConfig, dir string) shape {
	return object(sourcesField(sources, dir))
}

func sourcesField(sources *[]sourceConfig, dir string) field {
	return field{name: "sources", doc: "the identity providers", is: list(sources, func(s *sourceConfig) shape {
		*s = defaultSource()
		return sourceShape(s, dir)
	})}
}

func sourceShape(s *sourceConfig, dir string) shape {
	return object(
		field{name: "name", doc: "give the source a name, such as acme-entra", is: text(&s.Name, name), required: true},
		field{name: "tenant", doc: "name the customer that it belongs to; fixed at the first use", is: text(&s.Tenant, name), required: true},
		field{name: "kind", doc: "say entra or okta", is: word(&s.Kind, "entra", "okta"), required: true},
		field{name: "schedule", doc: "cron expression, UTC unless CRON_TZ= says otherwise; absent = hourly, off = on demand", is: schedule(&s.Schedule)},
		field{name: "entra", doc: "how to ask Microsoft Graph; left out: push-only", is: entraShape(&s.Entra, dir)},
		field{name: "okta", doc: "how to ask Okta; left out: push-only", is: oktaShape(&s.Okta, dir)},
		field{name: "scope", doc: "who should have an account", is: word(&s.People, connectors.Assigned, connectors.Everyone)},
		field{name: "scoping", doc: "filters on people: who passes none of them is out of scope; the clauses of one hold together", is: list(&s.Filters, func(filter *[]mapping.Clause) shape {
			return list(filter, clauseShape)
		})},
		field{name: "groups", doc: "whether runs repair the memberships of the groups that the provider pushed (pushed), or leave them to pushes (off)", is: word(&s.Groups, dirsync.GroupsPushed, dirsync.GroupsOff)},
		field{name: "dialect", doc: "lenient takes every known habit of the vendors, strict the RFC alone", is: word(&s.Dialect, "lenient", "strict")},
		field{name: "policy", doc: "what runs may do: everything, everything but create, or only report", is: word(&s.Policy, dirsync.PolicyFull, dirsync.PolicyNoCreate, dirsync.PolicyReport)},
		field{name: "mapping", doc: "what an account should be: rows, or tenant to read them from the provider; absent = the kind's default", is: mappingOrTenant(s)},
		field{name: "removal", doc: "the rules of removal", is: removalShape(&s.Removal)},
		field{name: "limits", doc: "what the source may cost", is: object(
			field{name: "requests_per_second", doc: "pushes; more are answered 429; 0 = no limit", is: number(&s.Limits.RequestsPerSecond, 0, 1_000_000)},
			field{name: "max_accounts", doc: "runs create no more than this; 0 = no limit", is: number(&s.Limits.MaxAccounts, 0, 100_000_000)},
			field{name: "api_share", doc: "percent of the provider's rate limit that pulls may use", is: number(&s.Limits.APIShare, 1, 100)},
		)},
	)
}

func entraShape(into **entraConfig, dir string) shape {
	e := defaultEntra()
	return made(into, e, object(
		field{name: "tenant_id", doc: "name the directory (tenant) id", is: text(&e.TenantID, identifier), required: true},
		field{name: "client_id", doc: "the app registration's application (client) id", is: text(&e.ClientID, identifier)},
		field{name: "client_secret", doc: "its client secret", is: secretRef(&e.ClientSecret, dir)},
		field{name: "certificate", doc: "its certificate with the private key, PEM or PKCS#12", is: secretRef(&e.Certificate, dir)},
		field{name: "certificate_password", doc: "of a certificate that is a PKCS#12 file", is: secretRef(&e.CertificatePassword, dir)},
		field{name: "federated_token", doc: "workload identity: the file in which the platform keeps a token", is: secretRef(&e.FederatedToken, dir)},
		field{name: "managed_identity", doc: "the identity of the machine in Azure: with client_id a user-assigned one, otherwise its own", is: boolean(&e.ManagedIdentity)},
		field{name: "access_token", doc: "a fixed token instead of the others, for a simulator", is: secretRef(&e.AccessToken, dir)},
		field{name: "app_id", doc: "name the application id of the enterprise application that people are assigned to", is: text(&e.AppID, identifier), required: true},
		field{name: "cloud", doc: "national cloud", is: word(&e.Cloud, "public", "usgov", "usgov_dod", "china")},
		field{name: "graph_url", doc: "a simulator's Graph", is: text(&e.GraphURL, vendorURL)},
		field{name: "login_url", doc: "a simulator's sign-in", is: text(&e.LoginURL, vendorURL)},
		field{name: "transitive", doc: "members of nested groups count too, unlike in Entra's own provisioning", is: boolean(&e.Transitive)},
	))
}

func oktaShape(into **oktaConfig, dir string) shape {
	o := defaultOkta()
	return made(into, o, object(
		field{name: "org_url", doc: "name the org, such as https://globex.okta.com", is: text(&o.OrgURL, orgURL), required: true},
		field{name: "app_id", doc: "name the app that people are assigned to; its id is in the address of the app's page", is: text(&o.AppID, identifier), required: true},
		field{name: "api_token", doc: "API token", is: secretRef(&o.APIToken, dir)},
		field{name: "client_id", doc: "an OAuth service app, instead of the API token; with private_key", is: text(&o.ClientID, identifier)},
		field{name: "private_key", doc: "the service app's private key, PEM (PKCS#1 or PKCS#8)", is: secretRef(&o.PrivateKey, dir)},
		field{name: "key_id", doc: "the kid of that key, where the service app has several", is: text(&o.KeyID, identifier)},
		field{name: "suspended", doc: "what a suspended person is", is: word(&o.Suspended, "inactive", "active")},
	))
}

func removalShape(r *removalConfig) shape {
	return object(
		field{name: "gate_percent", doc: "removals above this share of the active are held", is: number(&r.GatePercent, 0, 100)},
		field{name: "gate_floor", doc: "as long as they are more than this many", is: number(&r.GateFloor, 0, 1_000_000)},
		field{name: "push_gate", doc: "what a mass of pushed removals does: alarm = one warning in the log, to alarm.url and in the metrics (rollcall_push_alarm), hold = those above the limit wait, off = nothing", is: word(&r.PushGate, pushGateAlarm, pushGateHold, pushGateOff)},
		field{name: "push_hold", doc: "how long a pushed removal that is held waits for a second witness or an approval, before it is in force by itself", is: duration(&r.PushHold, time.Second, forever)},
		field{name: "purge", doc: "whether accounts are purged: those of people who are gone at the source, and those that a push deleted", is: boolean(&r.Purge)},
		field{name: "grace", doc: "how long such an account is kept before a purge", is: duration(&r.Grace, 0, forever)},
		field{name: "settle", doc: "how long a push outweighs a pull that contradicts it", is: duration(&r.Settle, 0, 24*time.Hour)},
		field{name: "skip_out_of_scope", doc: "whether people are left alone who are merely no longer assigned or in scope, as Entra does with SkipOutOfScopeDeletions", is: boolean(&r.SkipOutOfScope)},
		field{name: "protect", doc: "userNames whose removal always waits for an approval", is: list(&r.Protect, func(s *string) shape { return text(s, userName) })},
	)
}

// mappingOrTenant is a list of rows, or the word tenant.
func mappingOrTenant(s *sourceConfig) shape {
	rows := list(&s.Mapping, mappingShape)
	return shape{
		schema: map[string]any{"anyOf": []any{rows.schema, map[string]any{"const": "tenant"}}},
		decode: func(d *document, path string, n ast.Node) {
			if word, ok := n.(*ast.StringNode); ok && word.Value == "tenant" {
				s.TenantMapping = true
				return
			}
			if kindOf(n) == "text" {
				d.fault(path, "is neither a list of rows nor the word tenant", "write rows as lines that start with '- ', or tenant to read the mapping from the provider")
				return
			}
			rows.decode(d, path, n)
		},
	}
}

func mappingShape(row *mapping.Row) shape {
	row.Apply = mapping.Always
	return object(
		field{name: "target", doc: "name the SCIM path that it sets", is: text(&row.Target, filled), required: true},
		field{name: "source", doc: "an [attribute], a \"constant\" or an expression; left out: nothing flows but the default, at creation", is: text(&row.Source, filled)},
		field{name: "default", doc: "what an account gets at creation where the source gives nothing", is: text(&row.Default, filled)},
		field{name: "match", doc: "precedence as a matching attribute, tried from 1 up", is: number(&row.Match, 1, 100)},
		field{name: "apply", doc: "always; only at creation (create); only where there is nothing (add); or never, for a row that only matches", is: word((*string)(&row.Apply), string(mapping.Always), string(mapping.Create), string(mapping.Add), string(mapping.Never))},
	)
}

func clauseShape(c *mapping.Clause) shape {
	return object(
		field{name: "attribute", doc: "name the source attribute that it looks at", is: text(&c.Attribute, filled), required: true},
		field{name: "operator", doc: "say how, as the provisioning page does: EQUALS, NOT EQUALS, IS TRUE, IS NULL, REGEX MATCH, Includes …", is: text(&c.Operator, filled), required: true},
		field{name: "value", doc: "what it is held against, where the operator takes a value", is: text(&c.Value)},
	)
}

// made decodes an optional block into its own value and shows it only when the file has the block.
func made[T any](into **T, value *T, inner shape) shape {
	decode := inner.decode
	inner.decode = func(d *document, path string, n ast.Node) {
		*into = value
		decode(d, path, n)
	}
	return inner
}

// file is a path, made independent of where the program is started.
func file(into *string, dir string) shape {
	is := text(into, filled)
	decode := is.decode
	is.decode = func(d *document, path string, n ast.Node) {
		decode(d, path, n)
		if *into != "" {
			*into = (&document{dir: dir}).relative(*into)
		}
	}
	return is
}

// network is a CIDR block.
func network(into *netip.Prefix) shape {
	var s string
	return text(&s, func(s string) objection {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return objection{"is not a network", "write it as 10.0.0.0/8 or 2001:db8::/32, a single address as 192.0.2.1/32"}
		}
		*into = p.Masked()
		return objection{}
	})
}

// objectSchema describes an object in JSON Schema.
func objectSchema(fields []field) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fields {
		described := maps.Clone(f.is.schema)
		described["description"] = f.doc
		properties[f.name] = described
		if f.required {
			required = append(required, f.name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

func itemPath(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
