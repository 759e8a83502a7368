package console

import (
	"runtime"
	"strings"
	"testing"

	"rollcall/state"
)

func TestPasswordHash(t *testing.T) {
	hash := HashPassword(rightPassword)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == HashPassword(rightPassword) {
		t.Errorf("the hash is %q", hash)
	}
	p := newPasswords()
	// The second was made by the reference implementation's command line: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e
	foreign := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, test := range []struct {
		hash, password string
		want           bool
	}{
		{hash, rightPassword, true}, {hash, rightPassword + " ", false}, {hash, "", false}, {foreign, "password", true}, {foreign, "Password", false},
		{"", "", false}, {"", rightPassword, false}, {"nonsense", "", false}, {strings.Replace(hash, "t=2", "t=3", 1), rightPassword, false},
	} {
		if got, err := p.verify(t.Context(), test.hash, test.password); err != nil || got != test.want {
			t.Errorf("%q with %q: %v, %v", test.password, test.hash, got, err)
		}
	}
}

// TestNobodysPasswordCostsAsMuch holds the work for a name that nobody has to that for a wrong password, by the memory it takes.
func TestNobodysPasswordCostsAsMuch(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	f.join("linked", state.RoleOperator, "")
	for _, name := range []string{"ann", "linked", "nobody", ""} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := f.console.ofPassword(t.Context(), name, "wrong"); err != errNotThem {
			t.Errorf("%q: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got < argonMemory<<10 || got > 2*argonMemory<<10 {
			t.Errorf("%q: took %d bytes, and a verification takes %d", name, got, argonMemory<<10)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, fault := range map[string]string{
		rightPassword: "", "ünïcödé-wörd": "", "elevenchars": "shorter than 12", "": "shorter", "Ann@Example.com": "the operator's name",
		strings.Repeat("x", 1025): "longer than 1024", "\xff\xfe twelve characters": "UTF-8",
	} {
		err := CheckPassword("ann@example.com", password)
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
			t.Errorf("%.30q: %v, want %q", password, err, fault)
		}
		if err != nil && password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("the fault repeats the password: %v", err)
		}
	}
}

func FuzzParseArgon(f *testing.F) {
	f.Add(HashPassword("x"))
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2i$v=16$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseArgon(text)
		if err == nil && (h.String() != text || h.memory > 256*1024 || h.passes > 16 || h.lanes > 16) {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}

// BenchmarkVerify is held against half a second: a sign-in must be quick for one and slow for a thousand.
func BenchmarkVerify(b *testing.B) {
	p, hash := newPasswords(), HashPassword(rightPassword)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := p.verify(b.Context(), hash, rightPassword); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
