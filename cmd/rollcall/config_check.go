package main

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"rollcall/connectors/rest"
	dirsync "rollcall/sync"
)

// Checks of single settings.

// filled refuses an empty text and white space around it, which is never meant.
func filled(s string) objection {
	switch {
	case s == "":
		return objection{"is empty", ""}
	case strings.TrimSpace(s) != s:
		return objection{"has white space around it", "take it away"}
	}
	return objection{}
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// name is a source's or tenant's.
func name(s string) objection {
	if !namePattern.MatchString(s) {
		return objection{"is not a name", "use up to 64 of a-z, 0-9, '.', '_' and '-', first a letter or digit"}
	}
	return objection{}
}

var identifierPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// identifier is an id that a vendor gave, as it appears in a URL's path.
func identifier(s string) objection {
	if !identifierPattern.MatchString(s) {
		return objection{"is not an id", "copy the id alone, without braces, blanks or a URL around it"}
	}
	return objection{}
}

// address is where to listen.
func address(s string) objection {
	const form = "write it as 127.0.0.1:8080 or [::1]:8080, or :8080 for every interface"
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return objection{"is not an address", form}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return objection{"has no port from 0 to 65535", form}
	}
	if strings.ContainsAny(host, " /@") {
		return objection{"is not an address", form}
	}
	return objection{}
}

// listensOnLoopback tells whether a checked address is reached from this machine alone.
func listensOnLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return rest.Loopback(host)
}

// or accepts a word beside what the check accepts.
func or(word string, check func(string) objection) func(string) objection {
	return func(s string) objection {
		if s == word {
			return objection{}
		}
		v := check(s)
		v.mend += "; or " + word
		if v.what == "" {
			return objection{}
		}
		return v
	}
}

// webURL is an absolute http or https URL that carries no password, query or fragment.
func webURL(s string) objection {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return objection{"is not a URL", "write it as https://host/path"}
	case u.User != nil:
		return objection{"has a user or password in it", "take them out"}
	case u.RawQuery != "" || u.Fragment != "":
		return objection{"has a query or fragment", "take it out"}
	}
	return objection{}
}

// publicURL is scheme and host of the receiver.
func publicURL(s string) objection {
	if v := webURL(s); v.what != "" {
		return v
	}
	if u, _ := url.Parse(s); u.Path != "" {
		return objection{"has a path", "leave it at scheme and host: base_path is added by itself"}
	}
	return objection{}
}

// vendorURL is a provider's address: https, or http on this machine.
func vendorURL(s string) objection {
	if v := webURL(s); v.what != "" {
		return v
	}
	if u, _ := url.Parse(s); u.Scheme == "http" && !rest.Loopback(u.Hostname()) {
		return objection{"is http", "use https; http is for a simulator on this machine"}
	}
	return objection{}
}

// orgURL is an Okta org's.
func orgURL(s string) objection {
	if v := vendorURL(s); v.what != "" {
		return v
	}
	u, _ := url.Parse(s)
	if u.Path != "" {
		return objection{"has a path", "leave it at scheme and host"}
	}
	org, domain, _ := strings.Cut(u.Hostname(), ".")
	if plain, admin := strings.CutSuffix(org, "-admin"); admin && strings.HasPrefix(domain, "okta") {
		return objection{"is the admin console's address", "use https://" + plain + "." + domain}
	}
	return objection{}
}

var basePathPattern = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// tokenPath is where the receiver gives access tokens to clients that want OAuth.
const tokenPath = "/auth/token"

func basePath(s string) objection {
	switch {
	case !basePathPattern.MatchString(s):
		return objection{"is not a path", "write it as /auth/scim, without a slash at the end"}
	case s+"/" == setupPrefix, strings.HasPrefix(s, setupPrefix):
		return objection{"is where the pages are that set-up links open", "use another path, such as /scim"}
	case strings.HasPrefix(tokenPath+"/", s+"/"):
		return objection{"would cover " + tokenPath + ", where the receiver gives access tokens", "go one level down, such as " + s + "/scim, or use another path"}
	}
	return objection{}
}

// userName is an account's name; one that looks like a mail address has to be a good one.
func userName(s string) objection {
	if v := filled(s); v.what != "" {
		return v
	}
	if a, err := mail.ParseAddress(s); strings.Contains(s, "@") && (err != nil || a.Address != s) {
		return objection{"is not a mail address", "write it as owner@acme.example, without name or brackets"}
	}
	return objection{}
}

// schedule is a cron expression; "" and off mean none.
func schedule(into *string) shape {
	is := text(into, func(s string) objection {
		if s == "" || s == "off" {
			return objection{}
		}
		if _, err := dirsync.ParseSchedule(s); err != nil {
			return objection{"is not a cron expression: " + err.Error(), `write it as "*/30 * * * *", @hourly or "CRON_TZ=Europe/Vienna 0 6 * * *"`}
		}
		return objection{}
	})
	decode := is.decode
	is.decode = func(d *document, path string, n ast.Node) {
		decode(d, path, n)
		if *into == "off" {
			*into = ""
		}
	}
	return is
}

var schemePattern = regexp.MustCompile(`^[a-z]{2,}$`) // one letter is a drive

// database is the path of the record's file.
func database(into *string, dir string) shape {
	is := text(into, func(s string) objection {
		scheme, rest, found := strings.Cut(s, ":")
		switch {
		case s == "" || found && scheme == "sqlite" && rest == "":
			return objection{"is empty", "name a file, such as rollcall.db"}
		case found && strings.HasPrefix(scheme, "postgres"):
			return objection{"Postgres is not built yet", "name a file, such as rollcall.db"}
		case found && scheme != "sqlite" && schemePattern.MatchString(scheme):
			return objection{"names no store that is known", "write a path, or sqlite:PATH"}
		}
		return objection{}
	})
	decode := is.decode
	is.decode = func(d *document, path string, n ast.Node) {
		decode(d, path, n)
		*into = (&document{dir: dir}).relative(strings.TrimPrefix(*into, "sqlite:"))
	}
	return is
}
