package idpsim_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rollcall/connectors/idpsim"
)

// must fails the test on an error of a step.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	show := func(seed uint64) (all []string) {
		idpsim.New(idpsim.Options{Seed: seed, People: 50, Groups: 3}).Read(func(v *idpsim.View) {
			for n := range v.People() {
				x := v.Person(n)
				all = append(all, fmt.Sprint(x.Text(idpsim.UserName), x.GUID(), string(x.AppendOktaID(nil)), x.Text(idpsim.Title)))
			}
		})
		return all
	}
	if diff := cmp.Diff(show(3), show(3)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(show(3), show(4)) {
		t.Error("two seeds gave the same people")
	}
}

func TestIDsAreUniqueWellFormedAndFoundAgain(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 20_000, Groups: 40})
	seen := map[string]bool{}
	pop.Read(func(v *idpsim.View) {
		for n := range v.People() {
			x := v.Person(n)
			guid, okta := string(idpsim.AppendGUID(nil, x.GUID())), string(x.AppendOktaID(nil))
			if id, err := uuid.Parse(guid); err != nil || id.Version() != 4 {
				t.Fatalf("%s is no GUID of version 4: %v", guid, err)
			}
			if len(okta) != 20 || !strings.HasPrefix(okta, "00u") {
				t.Fatalf("%s is no Okta user id", okta)
			}
			name := x.Text(idpsim.UserName)
			for _, text := range []string{guid, okta, name} {
				if seen[text] {
					t.Fatalf("%s is there twice", text)
				}
				seen[text] = true
			}
			byGUID, ok1 := v.PersonByGUID(strings.ToUpper(guid))
			byOkta, ok2 := v.PersonByOktaID(okta)
			byName, ok3 := v.PersonByUserName(strings.ToUpper(name))
			if !ok1 || !ok2 || !ok3 || byGUID != x || byOkta != x || byName != x {
				t.Fatalf("person %d is not found again: %v %v %v", n, ok1, ok2, ok3)
			}
		}
	})
}

func TestForeignIDsAreNobody(t *testing.T) {
	pop, other := idpsim.New(idpsim.Options{Seed: 1, People: 100}), idpsim.New(idpsim.Options{Seed: 2, People: 100})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 99).Draw(t, "n")
		ids := []string{
			other.EntraID(fmt.Sprintf("#%d", n)), other.OktaID(fmt.Sprintf("#%d", n)), pop.AppID(), pop.TenantID(), pop.OktaAppID(),
			rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "guid"),
			"00u" + rapid.StringMatching(`[0-9A-Za-z]{17}`).Draw(t, "okta"),
			rapid.String().Draw(t, "text"),
		}
		for _, id := range ids {
			if found := pop.EntraID(id); found != "" && !strings.HasPrefix(id, "#") && id != "" {
				t.Fatalf("%q is %s", id, found)
			}
		}
	})
}

func TestNamesOverFourThousandCarryANumber(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 9, People: 4097})
	pop.Read(func(v *idpsim.View) {
		first, again := v.Person(0).Text(idpsim.UserName), v.Person(4096).Text(idpsim.UserName)
		if want := strings.Replace(first, "@", "2@", 1); again != want {
			t.Errorf("the 4097th person is %s, want %s", again, want)
		}
	})
}

func TestWhoIsAssigned(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 10, Groups: 2, Direct: 3, Unassigned: 2})
	pop.Read(func(v *idpsim.View) {
		got := ""
		for n := range v.People() {
			switch x := v.Person(n); {
			case x.Direct():
				got += "d"
			case x.ViaGroup():
				got += "g"
			default:
				got += "-"
			}
		}
		if got != "dddggggg--" {
			t.Errorf("assigned: %s", got)
		}
		if total := len(v.Group(0).Members()) + len(v.Group(1).Members()); total != 5 {
			t.Errorf("%d members, want 5", total)
		}
	})
}

// TestAssignmentIsWhatTheGroupsSay holds the counters against the memberships, whatever happens.
func TestAssignmentIsWhatTheGroupsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pop := idpsim.New(idpsim.Options{Seed: 1, People: 8, Groups: 3})
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			step := idpsim.Step{
				Do:    rapid.SampledFrom([]string{"join", "leave", "assign", "unassign", "soft-delete", "restore", "disable", "enable"}).Draw(t, "do"),
				Who:   fmt.Sprintf("#%d", rapid.IntRange(0, 7).Draw(t, "who")),
				Group: rapid.SampledFrom([]string{"Everyone", "Engineering", "Sales"}).Draw(t, "group"),
			}
			if rapid.Bool().Draw(t, "of the group") && strings.HasSuffix(step.Do, "assign") {
				step.Who = ""
			}
			_ = pop.Do(step) // some are refused, and change nothing
		}
		pop.Read(func(v *idpsim.View) {
			for n := range v.People() {
				x, via := v.Person(n), false
				for g := range v.Groups() {
					via = via || v.Group(g).Assigned() && v.Group(g).Has(x)
				}
				if via != x.ViaGroup() {
					t.Fatalf("#%d: ViaGroup is %v, the groups say %v", n, x.ViaGroup(), via)
				}
			}
		})
	})
}

// look shows a person as both vendors see the state.
func look(pop *idpsim.Population, who string) (s string) {
	id := pop.EntraID(who)
	pop.Read(func(v *idpsim.View) {
		x, _ := v.PersonByGUID(id)
		s = fmt.Sprintf("present=%v bin=%v gone=%v enabled=%v okta=%s direct=%v unlinked=%v",
			x.Present(), x.SoftDeleted(), x.Gone(), x.Enabled(), x.Status(), x.Direct(), x.Unlinked())
	})
	return s
}

func TestLife(t *testing.T) {
	pop := idpsim.New(idpsim.Options{})
	must(t, pop.AddPerson(map[string]string{"userName": "ada@acme.example"}))
	id := pop.EntraID("ada@acme.example")
	for _, c := range []struct {
		step func(string) error
		want string
	}{
		{func(who string) error { return pop.Assign(who) }, "present=true bin=false gone=false enabled=true okta=ACTIVE direct=true unlinked=false"},
		{pop.Suspend, "present=true bin=false gone=false enabled=false okta=SUSPENDED direct=true unlinked=false"},
		{pop.Unsuspend, "present=true bin=false gone=false enabled=true okta=ACTIVE direct=true unlinked=false"},
		{pop.Disable, "present=true bin=false gone=false enabled=false okta=DEPROVISIONED direct=true unlinked=true"},
		{pop.Enable, "present=true bin=false gone=false enabled=true okta=ACTIVE direct=true unlinked=true"},
		{func(who string) error { return pop.Assign(who) }, "present=true bin=false gone=false enabled=true okta=ACTIVE direct=true unlinked=false"},
		{pop.SoftDelete, "present=false bin=true gone=false enabled=true okta=DEPROVISIONED direct=true unlinked=true"},
		{pop.Restore, "present=true bin=false gone=false enabled=true okta=ACTIVE direct=true unlinked=true"},
		{pop.SoftDelete, "present=false bin=true gone=false enabled=true okta=DEPROVISIONED direct=true unlinked=true"},
		{pop.Purge, "present=false bin=false gone=true enabled=true okta=DEPROVISIONED direct=true unlinked=true"},
	} {
		must(t, c.step(id))
		if got := look(pop, id); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestUserNamesAreUniqueAmongTheLiving(t *testing.T) {
	pop := idpsim.New(idpsim.Options{})
	must(t, pop.AddPerson(map[string]string{"userName": "ada@acme.example"}))
	if err := pop.AddPerson(map[string]string{"userName": "ADA@acme.example"}); err == nil {
		t.Error("the name was given twice")
	}
	first := pop.EntraID("ada@acme.example")
	must(t, pop.SoftDelete(first))
	if got := pop.EntraID("ada@acme.example"); got != first {
		t.Error("somebody in the recycle bin is not found by name, where nobody else has it")
	}
	must(t, pop.AddPerson(map[string]string{"userName": "ada@acme.example"}))
	if got := pop.EntraID("ada@acme.example"); got == first {
		t.Error("the name belongs to somebody else now")
	}
	if err := pop.Restore(first); err == nil || !strings.Contains(err.Error(), "belongs to somebody else") {
		t.Errorf("restored into a taken name: %v", err)
	}
	must(t, pop.Rename(first, "ada.first@acme.example"))
	must(t, pop.Restore(first))
}

func TestAttributes(t *testing.T) {
	pop := idpsim.New(idpsim.Options{})
	must(t, pop.AddPerson(map[string]string{"userName": "ada@acme.example", "givenName": "Ada", "familyName": "Berg", "mobile": ""}))
	read := func(a idpsim.Attribute) string {
		var text string
		var ok bool
		pop.Read(func(v *idpsim.View) {
			var b []byte
			b, ok = v.Person(0).Append([]byte("x"), a)
			text = string(b[1:])
		})
		return fmt.Sprintf("%v %q", ok, text)
	}
	check := func(a idpsim.Attribute, want string) {
		t.Helper()
		if got := read(a); got != want {
			t.Errorf("%s is %s, want %s", a, got, want)
		}
	}
	check(idpsim.DisplayName, `true "Ada Berg"`)
	check(idpsim.Mail, `true "ada@acme.example"`)
	check(idpsim.MailNickname, `true "ada"`)
	check(idpsim.Mobile, `true ""`) // present and empty
	check(idpsim.Title, `false ""`)
	check(idpsim.UserType, `true "Member"`)
	must(t, pop.Rename("ada@acme.example", "ada.lind@acme.example"))
	check(idpsim.Mail, `true "ada.lind@acme.example"`)
	check(idpsim.AppUserName, `true "ada.lind@acme.example"`)
	must(t, pop.Set("#0", idpsim.Mail, "a@acme.example"))
	must(t, pop.Clear("#0", idpsim.GivenName))
	must(t, pop.Clear("#0", idpsim.Mobile))
	check(idpsim.Mail, `true "a@acme.example"`)
	check(idpsim.GivenName, `false ""`)
	check(idpsim.DisplayName, `true "Berg"`)
	check(idpsim.Mobile, `false ""`)
	must(t, pop.Clear("#0", idpsim.FamilyName))
	check(idpsim.DisplayName, `true "ada.lind"`)
}

func TestEveryAttributeHasAName(t *testing.T) {
	for _, name := range []string{"userName", "extensionAttribute1", "extensionAttribute15", "appUserName"} {
		a, err := idpsim.ParseAttribute(name)
		if err != nil || a.String() != name {
			t.Errorf("%s: %v %v", name, a, err)
		}
	}
	if _, err := idpsim.ParseAttribute("extensionAttribute16"); err == nil {
		t.Error("extensionAttribute16 was taken")
	}
}

func TestSteps(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 5, Groups: 1})
	steps, err := idpsim.DecodeSteps(strings.NewReader(`[
		{"do":"add-person","attributes":{"userName":"new@acme.example"}},
		{"do":"add-group","group":"Night shift"},
		{"do":"join","who":"new@acme.example","group":"Night shift"},
		{"do":"assign","group":"Night shift"},
		{"do":"disable","who":"#0..#2"},
		{"do":"unassign","group":"Everyone"}
	]`))
	must(t, err)
	must(t, pop.Do(steps...))
	want := idpsim.Summary{People: 6, Assigned: 1, Disabled: 3, Groups: 2, Changes: pop.Summary().Changes}
	if diff := cmp.Diff(want, pop.Summary()); diff != "" {
		t.Error(diff)
	}
	for text, wants := range map[string]string{
		`[{"do":"vanish","who":"#1"}]`:                            `there is no step "vanish"`,
		`[{"do":"disable"}]`:                                      `who is missing`,
		`[{"do":"disable","who":"nobody@acme.example"}]`:          `there is nobody called "nobody@acme.example"`,
		`[{"do":"disable","who":"#99"}]`:                          `is not one of #0 to #5`,
		`[{"do":"disable","who":"#1..#99"}]`:                      `is not within #0..#5`,
		`[{"do":"join","who":"#1","group":"Nowhere"}]`:            `there is no group called "Nowhere"`,
		`[{"do":"set","who":"#1","attribute":"hat"}]`:             `attribute "hat" is unknown`,
		`[{"do":"status","who":"#1","value":"ASLEEP"}]`:           `is no state of a user`,
		`[{"do":"app","value":"broken"}]`:                         `is not active, inactive or gone`,
		`[{"do":"restore","who":"#1"}]`:                           `is not in the recycle bin`,
		`[{"do":"assign","who":"#1","roles":["Emperor"]}]`:        `the application has no role "Emperor"`,
		`[{"do":"enable","who":"#1"},{"do":"rename","who":"#1"}]`: `step 2 (rename)`,
	} {
		steps, err := idpsim.DecodeSteps(strings.NewReader(text))
		must(t, err)
		if err := pop.Do(steps...); err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v, want %s", text, err, wants)
		}
	}
	if _, err := idpsim.DecodeSteps(strings.NewReader(`[{"do":"disable","whom":"#1"}]`)); err == nil {
		t.Error("an unknown key was taken")
	}
}

func FuzzDecodeSteps(f *testing.F) {
	f.Add(`[{"do":"disable","who":"#1"}]`)
	f.Add(`[{"do":"add-person","attributes":{"userName":"x@y.example"}},{"do":"remember"}]`)
	f.Add(`[{"do":"purge","who":"*"},{"do":"join","who":"#0..#3","group":"Everyone"}]`)
	f.Add(`[{"do":"nest","group":"Everyone","value":"Everyone"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := idpsim.DecodeSteps(strings.NewReader(text))
		if err != nil {
			return
		}
		pop := idpsim.New(idpsim.Options{Seed: 1, People: 4, Groups: 1})
		_ = pop.Do(steps...)
		pop.Summary()
	})
}

func TestChangesAndStaleReplicas(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 3, Groups: 1, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	must(t, pop.Remember())
	must(t, pop.Disable("#1"))
	must(t, pop.Leave("#2", "Everyone"))
	pop.Read(func(v *idpsim.View) {
		want := []idpsim.Change{{Number: 1}, {Number: 2}, {Group: true, Number: 0}}
		if diff := cmp.Diff(want, v.Changes(0)); diff != "" {
			t.Error(diff)
		}
		if got := v.Person(1).Turned(); got.Unix() != 1_700_000_000 {
			t.Errorf("the status changed at %v", got)
		}
	})
	pop.ReadStale(func(v *idpsim.View) {
		if !v.Person(1).Enabled() || !v.Group(0).Has(v.Person(2)) || v.Version() != 0 {
			t.Error("the replica has heard of what happened since")
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 200, Groups: 2})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := worker; n < 200; n += 4 {
				who := fmt.Sprintf("#%d", n)
				_ = pop.Disable(who)
				_ = pop.Leave(who, "Everyone")
				pop.Summary()
			}
		})
	}
	all.Wait()
	if s := pop.Summary(); s.Disabled != 200 || s.Assigned != 100 {
		t.Errorf("%+v", s)
	}
}

// TestAMillionPeople holds the promise that what the seed gives costs next to nothing.
func TestAMillionPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 1_000_000, Groups: 20})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 40<<20 {
		t.Errorf("a million people take %d bytes", used)
	}
	pop.Read(func(v *idpsim.View) {
		x, ok := v.PersonByUserName(v.Person(999_999).Text(idpsim.UserName))
		if !ok || x.Number() != 999_999 {
			t.Errorf("found %d, %v", x.Number(), ok)
		}
	})
	runtime.KeepAlive(pop)
}
