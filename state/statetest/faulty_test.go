package statetest_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

var errPlanned = errors.New("planned")

// The suite passes through a decorator that plans nothing, so that it adds and loses nothing.
func TestFaultyPassesOn(t *testing.T) {
	statetest.Run(t, func(_ testing.TB, now func() time.Time) statetest.Store {
		m := statetest.NewModel()
		m.Now = now
		return statetest.Faulty(m, func(statetest.Call) *statetest.Fault { return nil })
	})
}

// Every method of the store asks the plan, by its name, and returns the planned error.
func TestFaultyAsksForEveryMethod(t *testing.T) {
	asked := map[string]int{}
	store := statetest.Faulty(nil, func(c statetest.Call) *statetest.Fault {
		asked[c.Method]++
		if c.Number != asked[c.Method] {
			t.Errorf("%s: call %d is numbered %d", c.Method, asked[c.Method], c.Number)
		}
		return &statetest.Fault{Err: errPlanned}
	})
	methods := reflect.TypeFor[statetest.Store]()
	for i := range methods.NumMethod() {
		method := reflect.ValueOf(store).MethodByName(methods.Method(i).Name)
		var args []reflect.Value
		for j := range method.Type().NumIn() {
			args = append(args, reflect.Zero(method.Type().In(j)))
		}
		for range 2 {
			out := method.Call(args)
			if len(out) > 0 && !errors.Is(out[len(out)-1].Interface().(error), errPlanned) {
				t.Errorf("%s = %v, want the planned error", methods.Method(i).Name, out)
			}
		}
		if asked[methods.Method(i).Name] != 2 {
			t.Errorf("%s did not ask the plan under its name", methods.Method(i).Name)
		}
	}
}

func TestFaultyHalfDone(t *testing.T) {
	model := statetest.NewModel()
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	if _, err := model.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	fault := &statetest.Fault{Err: errPlanned}
	store := statetest.Faulty(model, func(statetest.Call) *statetest.Fault { return fault })
	var mutations []state.Mutation
	for _, name := range []string{"a", "b", "c"} {
		mutations = append(mutations, state.Mutation{Scope: scope, Kind: state.KindAccount, ID: state.ID(name), Cause: state.Cause{Kind: state.CausePush},
			Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(name)})}})
	}
	for done := range 3 {
		fault.Done = done
		results, err := store.Write(state.Bulk, mutations)
		if !errors.Is(err, errPlanned) || len(results) != 3 || !errors.Is(results[0].Err, errPlanned) {
			t.Errorf("Write = %v, %v; want the planned error in all", results, err)
		}
		if n, _ := model.Count(context.Background(), scope, state.KindAccount); n != done {
			t.Errorf("%d mutations are carried out, want %d", n, done)
		}
	}
	fault.Done = 1
	seen := 0
	yield := func(state.Record) bool { seen++; return true }
	if err := store.Scan(t.Context(), scope, state.KindAccount, 0, 0, 0, yield); !errors.Is(err, errPlanned) || seen != 1 {
		t.Errorf("Scan = %v after %d, want the planned error after 1", err, seen)
	}
	if _, err := store.EnsureSource(t.Context(), state.Scope{Tenant: "globex", Source: "globex-okta"}, "okta"); !errors.Is(err, errPlanned) {
		t.Errorf("EnsureSource = %v, want the planned error", err)
	}
	if _, err := model.Source(t.Context(), "globex-okta"); err != nil {
		t.Errorf("the call whose answer was lost has not been carried out: %v", err)
	}
}
