package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
	"rollcall/connectors/idpsim/server"
)

// simulated makes the organisation that the flags ask for, with what has happened in it and what goes wrong.
func (a *app) simulated(kind string, flags simulateFlags) (server.Options, error) {
	o := server.Options{Listen: flags.listen, Token: simulatedToken, Faults: &idpsim.Faults{}, Concurrency: flags.concurrency}
	if at := address(flags.listen); at.what != "" {
		return o, usagef("--listen %s; %s", at.what, at.mend)
	}
	if flags.concurrency < 0 || flags.every < 0 {
		return o, usagef("--concurrency and --every must not be negative")
	}
	var err error
	if o.RateLimit, o.RateLimits, err = parseRateLimit(flags.rateLimit); err != nil {
		return o, usagef("--rate-limit: %w", err)
	}
	if flags.controlToken != "" {
		ref, ok := parseSecret(flags.controlToken)
		if !ok {
			return o, usagef("--control-token must be env:NAME or file:PATH")
		}
		if o.ControlToken, err = ref.read(a.env); err != nil {
			return o, usagef("--control-token: %w", err)
		}
	}
	if o.Population, err = populate(flags); err != nil {
		return o, err
	}
	for _, text := range flags.faults {
		name, where, err := parseFault(text)
		if err == nil {
			err = o.Faults.Set(name, where)
		}
		if err != nil {
			return o, usagef("--fault %s: %w", text, err)
		}
	}
	if flags.serviceApp != "" {
		if o.Service, err = serviceApp(flags.serviceApp); err != nil {
			return o, err
		}
		o.Service.DPoP = flags.dpop
	} else if flags.dpop {
		return o, usagef("--dpop is about a service app; name its key with --service-app")
	}
	if flags.signs {
		o.Client, o.Secret = "simulated-client", simulatedToken
	}
	return o, nil
}

// parseRateLimit reads a --rate-limit such as 600,/api/v1/logs=60.
func parseRateLimit(text string) (limit int, of map[string]int, err error) {
	of = map[string]int{}
	for part := range strings.SplitSeq(text, ",") {
		family, number, named := strings.Cut(part, "=")
		if !named {
			family, number = "", part
		}
		n, err := count(number)
		switch {
		case part == "":
		case err != nil:
			return 0, nil, err
		case !named:
			limit = n
		case !slices.Contains(okta.Families(), family):
			return 0, nil, fmt.Errorf("there is no family %q; there are %s", family, strings.Join(okta.Families(), ", "))
		default:
			of[family] = n
		}
	}
	return limit, of, nil
}

// populate generates people, adds those of a file, and plays the steps of another.
func populate(flags simulateFlags) (*idpsim.Population, error) {
	const most = 5_000_000
	if flags.population != "" && !flags.peopleGiven {
		flags.people = 0
	}
	if flags.population != "" && !flags.groupsGiven {
		flags.groups = 0
	}
	if flags.people < 0 || flags.people > most || flags.groups < 0 || flags.groups > 10_000 || flags.unassigned < 0 || flags.unassigned > flags.people ||
		flags.direct < 0 || flags.direct > flags.people {
		return nil, usagef("--people must be from 0 to %d, --groups from 0 to 10000, --direct and --unassigned no more than the people", most)
	}
	population := idpsim.New(idpsim.Options{
		Seed: flags.seed, Domain: flags.domain, People: flags.people, Groups: flags.groups, Direct: flags.direct, Unassigned: flags.unassigned,
	})
	if flags.population != "" {
		text, err := os.ReadFile(flags.population)
		if err == nil {
			err = population.Load(text)
		}
		if err != nil {
			return nil, usagef("--population %s: %w", flags.population, err)
		}
	}
	if flags.steps == "" {
		return population, nil
	}
	f, err := os.Open(flags.steps)
	if err != nil {
		return nil, usagef("--steps: %w", err)
	}
	defer func() { _ = f.Close() }()
	steps, err := idpsim.DecodeSteps(f)
	if err == nil {
		err = population.Do(steps...)
	}
	if err != nil {
		return nil, usagef("--steps %s: %w", flags.steps, err)
	}
	return population, nil
}

// serviceApp is the service application of a simulated Okta, whose private key is in a file; without the file, it is made.
func serviceApp(file string) (*okta.Service, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKey(file)
	}
	if err != nil {
		return nil, usagef("--service-app: %w", err)
	}
	service := &okta.Service{ClientID: "0oaSimulatedService00"}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, usagef("--service-app %s holds no PEM", file)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		service.Key = &key.PublicKey
		return service, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, usagef("--service-app %s holds no private key, PKCS#1 or PKCS#8", file)
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		service.Key = &key.PublicKey
	case *ecdsa.PrivateKey:
		service.Key = &key.PublicKey
	default:
		return nil, usagef("--service-app %s holds a key that is neither RSA nor elliptic", file)
	}
	return service, nil
}

// makeKey writes a new private key into a file that only its owner may read.
func makeKey(file string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return text, nil
}
