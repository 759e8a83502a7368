package graph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// deltaState is what a delta token carries: the query options are given once and encoded in it.
type deltaState struct {
	Select []string `json:"s,omitempty"`
	From   int      `json:"f"`           // changes after this version are shown; -1 is everything there is
	To     int      `json:"t"`           // the version to continue from when this round is over
	After  int      `json:"a,omitempty"` // rows shown so far
}

func (s deltaState) token() string {
	b, _ := json.Marshal(s) // strings and numbers only
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseDelta(token string) (s deltaState, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	ok = err == nil && json.Unmarshal(b, &s) == nil && s.From >= -1 && s.To >= 0 && s.After >= 0
	return s, ok
}

// deltaPage is how many people one page of a delta query shows.
const deltaPage = 200

// delta answers /users/delta: everybody first, then what changed since.
func (c *call) delta() {
	if !c.needs(UserRead) {
		return
	}
	state, ok := c.deltaState()
	if !ok {
		return
	}
	q := &query{properties: defaultProperties, selected: state.Select}
	if err := q.selectUser(); err != nil {
		badRequest(c.w, err.Error())
		return
	}
	var body []byte
	c.read(func(v *idpsim.View) { body = c.appendDelta(v, q, state) })
	write(c.w, http.StatusOK, body)
}

// deltaState reads the options of a first request, or a token; not ok, the answer has been given.
func (c *call) deltaState() (state deltaState, ok bool) {
	values := c.r.URL.Query()
	state.From = -1
	c.read(func(v *idpsim.View) { state.To = v.Version() })
	for name := range values {
		value := values.Get(name)
		switch {
		case name == "$select":
			state.Select = strings.Split(value, ",")
		case name == "$deltatoken" && value == "latest":
			state.From = state.To
		case name == "$deltatoken" || name == "$skiptoken":
			if idpsim.Struck(c.r, idpsim.ExpiredDelta) {
				c.w.Header().Set("Location", wire.Base(c.r)+"/v1.0/users/delta?$deltatoken=")
				fail(c.w, http.StatusGone, "syncStateNotFound", "The sync state generation is not found; start again.")
				return state, false
			}
			now := state.To
			if state, ok = parseDelta(value); !ok {
				badRequest(c.w, "Badly formed token.")
				return state, false
			}
			if name == "$deltatoken" {
				state.From, state.To, state.After = state.To, now, 0
			}
		default:
			badRequest(c.w, "The query option '"+name+"' is not supported by delta queries on users.")
			return state, false
		}
	}
	return state, true
}

// round says how many rows a round has and what the i-th is, if it is to be shown: people by number in a first round, changes in
// their order in a later one.
func round(v *idpsim.View, s deltaState) (total int, who func(i int) (idpsim.Person, bool)) {
	if s.From < 0 {
		return v.People(), func(i int) (idpsim.Person, bool) { return v.Person(i), v.Person(i).Present() }
	}
	from := min(s.From, v.Version())
	changes := v.Changes(from)[:max(min(s.To, v.Version())-from, 0)]
	return len(changes), func(i int) (idpsim.Person, bool) {
		if changes[i].Group {
			return idpsim.Person{}, false
		}
		return v.Person(changes[i].Number), true
	}
}

// appendDelta renders one page of a round.
func (c *call) appendDelta(v *idpsim.View, q *query, s deltaState) []byte {
	dst := append([]byte(`{"@odata.context":`), wire.AppendString(nil, wire.Base(c.r)+"/v1.0/$metadata#"+q.context("users"))...)
	dst = append(dst, `,"value":[`...)
	total, who := round(v, s)
	at := min(s.After, total)
	for rows := 0; at < total && rows < deltaPage; at++ {
		x, ok := who(at)
		if !ok {
			continue
		}
		if rows > 0 {
			dst = append(dst, ',')
		}
		dst = c.appendChange(dst, q, x)
		rows++
	}
	s.After = at
	link, token := `],"@odata.nextLink":`, "$skiptoken"
	if at == total {
		link, token = `],"@odata.deltaLink":`, "$deltatoken"
	}
	dst = append(dst, link...)
	dst = wire.AppendString(dst, wire.Base(c.r)+c.r.URL.Path+"?"+token+"="+s.token())
	return append(dst, '}')
}

func (c *call) appendChange(dst []byte, q *query, x idpsim.Person) []byte {
	if x.Present() {
		return c.shape(q).append(dst, x)
	}
	reason := "changed" // can be restored
	if x.Gone() {
		reason = "deleted"
	}
	dst = append(dst, `{"id":`...)
	dst = properties[0].render(dst, x)
	return append(dst, `,"@removed":{"reason":"`+reason+`"}}`...)
}
