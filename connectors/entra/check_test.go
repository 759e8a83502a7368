package entra_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// everything is all that there is to be granted, as far as this program has a use for it.
var everything = []string{graph.ApplicationRead, graph.GroupMemberRead, graph.UserRead, graph.MemberReadHidden, graph.SynchronizationRead}

// without is everything but one permission.
func without(permission string) []string {
	return slices.DeleteFunc(slices.Clone(everything), func(p string) bool { return p == permission })
}

// checked is what a check finds in a directory after some steps, with what is granted, and how many calls it made.
func checked(t *testing.T, granted []string, token string, steps ...idpsim.Step) (findings []connectors.Finding) {
	t.Helper()
	population := idpsim.New(checkedDirectory)
	if err := population.Do(steps...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(graph.New(population, graph.Options{Token: token, Permissions: granted}))
	defer server.Close()
	c, err := entra.Open(entra.Config{
		TenantID: population.TenantID(), AppID: population.AppID(), AccessToken: always(token), GraphURL: server.URL + "/v1.0",
		SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	findings = c.Check(t.Context())
	for _, finding := range findings {
		if finding.OK != (finding.Mend == "") || finding.What == "" || strings.Contains(finding.Mend, "\n") {
			t.Errorf("ill-formed: %+v", finding)
		}
	}
	return findings
}

// bad are the findings that are not as they should be, as lines: "MEND what: mend" or "note what: mend".
func bad(findings []connectors.Finding) (lines []string) {
	for _, f := range findings {
		word := "MEND "
		if f.Optional {
			word = "note "
		}
		if !f.OK {
			lines = append(lines, word+f.What+": "+f.Mend)
		}
	}
	return lines
}

// groupNames are the groups of the directory that is checked.
func groupNames() (names []string) {
	idpsim.New(checkedDirectory).Read(func(v *idpsim.View) {
		for n := range v.Groups() {
			names = append(names, v.Group(n).Name())
		}
	})
	return names
}

var checkedDirectory = idpsim.Options{Seed: 3, People: 40, Groups: 3, Direct: 5}

// jwt is an access token of the checked directory that names application permissions.
func jwt(roles ...string) string {
	return jwtOf(strings.ToUpper(idpsim.New(checkedDirectory).TenantID()), roles...)
}

func jwtOf(tenant string, roles ...string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(fmt.Appendf(nil, `{"tid":%q,"roles":["%s"]}`, tenant, strings.Join(roles, `","`))) + "." + part([]byte("signature"))
}

func ownLists(line string) bool { return strings.Contains(line, "own lists of assignments") }

// TestCheckOwnLists: without Directory.Read.All it is told what is lost.
func TestCheckOwnLists(t *testing.T) {
	for _, test := range []struct {
		granted []string
		notes   int
	}{{everything, 1}, {[]string{graph.DirectoryRead, graph.SynchronizationRead}, 0}, {without(graph.ApplicationRead), 0}} {
		lines := bad(checked(t, test.granted, connectortest.Token))
		notes := slices.DeleteFunc(lines, func(line string) bool { return !ownLists(line) })
		if len(notes) != test.notes || test.notes > 0 && !(strings.HasPrefix(notes[0], "note ") && strings.Contains(notes[0], "counts as unassigned")) {
			t.Errorf("with %v: %q", test.granted, notes)
		}
	}
}

func TestCheck(t *testing.T) {
	const screen = "API permissions"
	first := groupNames()[0]
	nobody := []idpsim.Step{{Do: "unassign", Who: "*"}}
	for _, group := range groupNames() {
		nobody = append(nobody, idpsim.Step{Do: "unassign", Group: group})
	}
	for name, test := range map[string]struct {
		granted []string
		token   string
		steps   []idpsim.Step
		says    []string // of each bad line: word, what and pieces of the mend
	}{
		"all is well":   {granted: everything},
		"the wider one": {granted: []string{graph.DirectoryRead, graph.SynchronizationRead}, token: jwt(graph.DirectoryRead, graph.SynchronizationRead)},
		"no Application.Read.All": {granted: without(graph.ApplicationRead),
			says: []string{"MEND find the enterprise application (Application.Read.All)|Application.Read.All|" + screen}},
		"no GroupMember.Read.All": {granted: without(graph.GroupMemberRead),
			says: []string{"MEND read the members of an assigned group (GroupMember.Read.All)|GroupMember.Read.All|" + screen}},
		"no User.Read.All": {granted: without(graph.UserRead), says: []string{
			"MEND read the members of an assigned group|User.Read.All|" + screen, "MEND read people (User.Read.All)|User.Read.All|" + screen,
			"MEND read the recycle bin (User.Read.All)|User.Read.All|" + screen}},
		"no Synchronization.Read.All": {granted: without(graph.SynchronizationRead),
			says: []string{"note read the application's provisioning job (Synchronization.Read.All)|why pushes do not come|Synchronization.Read.All|" + screen}},
		"a hidden group": {granted: without(graph.MemberReadHidden), steps: []idpsim.Step{{Do: "hide", Group: first}},
			says: []string{"MEND read the members of groups that hide them (Member.Read.Hidden)|Member.Read.Hidden|" + screen + "|" + first}},
		"a hidden group that seems empty": {granted: without(graph.MemberReadHidden), token: jwt(without(graph.MemberReadHidden)...),
			steps: []idpsim.Step{{Do: "hide", Group: first, Value: "silent"}},
			says:  []string{"MEND read the members of groups that hide them (Member.Read.Hidden)|Member.Read.Hidden|" + first}},
		"a hidden group that may be read": {granted: everything, steps: []idpsim.Step{{Do: "hide", Group: first}}},
		"a hidden group that is empty": {granted: everything, token: jwt(everything...), steps: []idpsim.Step{
			{Do: "add-group", Group: "Board"}, {Do: "assign", Group: "Board"}, {Do: "hide", Group: "Board"}}},
		"a group that is gone": {granted: everything, steps: []idpsim.Step{{Do: "purge-group", Group: first}}},
		"a group of another kind": {granted: everything, steps: []idpsim.Step{{Do: "group-kind", Group: first, Value: "distribution"}},
			says: []string{"note assigned groups are security groups|Users and groups|" + first}},
		"nobody is assigned": {granted: everything, steps: nobody,
			says: []string{"note somebody is assigned|Users and groups"}},
		"a disabled application": {granted: everything, steps: []idpsim.Step{{Do: "app", Value: "inactive"}},
			says: []string{"MEND the application is enabled|Enabled for users to sign in"}},
		"no application": {granted: everything, steps: []idpsim.Step{{Do: "app", Value: "gone"}},
			says: []string{"MEND find the enterprise application (Application.Read.All)|Overview > Application ID"}},
		"more than needed": {granted: everything, token: jwt("User.ReadWrite.All", graph.UserRead, "Mail.Read"),
			says: []string{"note no more is granted than is needed|User.ReadWrite.All, Mail.Read|" + screen}},
		"another directory's token": {granted: everything, token: jwtOf(tenantID, everything...), says: []string{"MEND the token is of the configured directory|" + tenantID}},
		"paused provisioning": {granted: everything, steps: []idpsim.Step{{Do: "pause-job"}},
			says: []string{"note Entra's own provisioning is on|Provisioning"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.token == "" {
				test.token = connectortest.Token
			}
			findings := checked(t, test.granted, test.token, test.steps...)
			lines := slices.DeleteFunc(bad(findings), ownLists) // see TestCheckOwnLists
			if len(lines) != len(test.says) {
				t.Fatalf("found:\n%s", strings.Join(lines, "\n"))
			}
			for i, says := range test.says {
				for piece := range strings.SplitSeq(says, "|") {
					if !strings.Contains(lines[i], piece) {
						t.Errorf("%q does not say %q", lines[i], piece)
					}
				}
				if strings.Contains(lines[i], test.token) {
					t.Errorf("the token is told: %s", lines[i])
				}
			}
			if len(test.says) == 0 && len(findings) < 10 {
				t.Errorf("only %d findings", len(findings))
			}
		})
	}
}

// TestCheckTellsWhoMaySignIn: an application that asks for no assignment lets everyone of the directory in.
func TestCheckTellsWhoMaySignIn(t *testing.T) {
	for setting, want := range map[string]bool{`"accountEnabled":true,"appRoleAssignmentRequired":true`: true, `"appRoleAssignmentRequired":false`: false, `"appRoleAssignmentRequired":null`: true} {
		f := newFake(t)
		f.on(servicePrincipal, ok(`{"id":"`+spID+`",`+setting+`}`))
		i := slices.IndexFunc(f.open().Check(t.Context()), func(f connectors.Finding) bool { return f.What == "only who is assigned may sign in" && f.Optional })
		if i < 0 {
			t.Fatalf("%s: nothing found", setting)
		}
		if finding := f.open().Check(t.Context())[i]; finding.OK != want || !want && !strings.Contains(finding.Mend, "Assignment required") {
			t.Errorf("%s: %+v", setting, finding)
		}
	}
}

// TestCheckTellsEmptyAttributes: with GroupMember.Read.All alone, members come with all attributes null, and no error.
func TestCheckTellsEmptyAttributes(t *testing.T) {
	hollow := ok(list(`{"id":"` + person(1) + `","accountEnabled":null,"userPrincipalName":null}`))
	for _, path := range []string{members, "/users"} {
		f := newFake(t)
		f.on("/users", ok(list(user(1))))
		f.on(path, hollow)
		lines := strings.Join(bad(f.open().Check(t.Context())), "\n")
		if !strings.Contains(lines, "MEND read") || !strings.Contains(lines, "User.Read.All") || strings.Contains(lines, "permission GroupMember") {
			t.Errorf("%s: %s", path, lines)
		}
	}
}

// TestCheckTellsWhenTheCertificateEnds in time to make another.
func TestCheckTellsWhenTheCertificateEnds(t *testing.T) {
	for days, want := range map[int]bool{90: true, 20: false} {
		leaf, _ := certificate(t, time.Now().AddDate(0, 0, days))
		f := newFake(t)
		signIn(f, issue(token))
		findings := f.by(func(c *entra.Config) {
			c.Certificate = func() ([]byte, error) { return []byte(keyPEM(t, key) + inPEM("CERTIFICATE", leaf)), nil }
		}).Check(t.Context())
		if finding := findings[1]; finding.What != "the certificate lasts" || finding.OK != want || !finding.Optional || !want && !strings.Contains(finding.Mend, time.Now().AddDate(0, 0, days).UTC().Format(time.DateOnly)) {
			t.Errorf("%d days: %+v", days, finding)
		}
	}
}

// TestCheckIsCheap however many groups are assigned, and ends with its context.
func TestCheckIsCheap(t *testing.T) {
	f := newFake(t)
	rows := make([]string, 900)
	for n := range rows {
		rows[n] = row("Group", person(n))
	}
	f.on(assignedTo, ok(list(rows...)))
	f.on("/users", ok(list(user(1))))
	f.open().Check(t.Context())
	if len(f.seen) > 20 {
		t.Errorf("%d calls", len(f.seen))
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.on(assignedTo, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	started := time.Now()
	f.open().Check(ctx)
	if time.Since(started) > time.Second || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("ended after %v", time.Since(started))
	}
}

// TestStrangeTokens: what no token says is never a finding.
func TestStrangeTokens(t *testing.T) {
	for _, token := range []string{"a.b.c", "a..c", "x", jwt() + ".more", "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"roles":`)) + ".x", "e30.e30.x"} {
		if lines := slices.DeleteFunc(bad(checked(t, everything, token)), ownLists); len(lines) != 0 {
			t.Errorf("%s: %v", token, lines)
		}
	}
}
