package connectortest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// mapping reads how the provider provisions people: the same each time, with a row for the name and one for the status; and under every
// fault the same, or an error, or less with a sentence about it.
func (h *Harness) mapping(t *testing.T) {
	p := h.start(t, idpsim.New(idpsim.Options{Seed: 7, People: 20, Groups: 1}), hurry)
	p.do(t, idpsim.Step{Do: "push-status", Attribute: "title", Value: "DONT_PUSH"}) // which concerns one of the providers
	mapper := p.connector.(connectors.Mapper)
	read := func() connectors.Mapping {
		t.Helper()
		m, err := mapper.Mapping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	is := read()
	rows := map[string]connectors.MappingRow{}
	for _, row := range is.Rows {
		if _, twice := rows[row.Target]; twice || row.Source == "" && row.Default == "" || row.Apply == "" {
			t.Errorf("row %+v", row)
		}
		rows[row.Target] = row
	}
	if rows["userName"].Match != 1 || rows["active"].Apply != connectors.ApplyAlways || len(rows) < 5 {
		t.Errorf("rows: %+v", is.Rows)
	}
	if is.Create != connectors.Yes || is.Update != connectors.Yes || is.Deactivate != connectors.Yes {
		t.Errorf("it does everything: %+v", is)
	}
	if diff := cmp.Diff(is, read()); diff != "" {
		t.Errorf("read again, it is another: %s", diff)
	}
	for _, fault := range idpsim.FaultNames() {
		for manner, where := range manners {
			p.faults.Clear()
			where.Wait = waits[fault]
			p.fault(t, fault, where)
			got, err := mapper.Mapping(t.Context())
			quiet(t, err)
			if err == nil && len(got.Left) == 0 && ends[fault].unseen == "" && !cmp.Equal(is, got) {
				t.Errorf("%s %s: %s", fault, manner, cmp.Diff(is, got))
			}
		}
	}
}
