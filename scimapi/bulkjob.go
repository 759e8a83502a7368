package scimapi

import (
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"rollcall/scimapi/patch"
	"rollcall/state"
	"rollcall/state/scim"
)

// bulkJob is one bulk request at work.
type bulkJob struct {
	c        *call
	ops      []*bulkOp
	byID     map[string]*bulkOp
	failOn   int // stop after as many failures; 0: never
	failures int
	open     []*bulkOp // created without a part that refers in a circle
}

type bulkStage uint8

const (
	bulkWaiting bulkStage = iota
	bulkRunning           // what it refers to goes first
	bulkDone
)

// bulkOp is one operation, and what became of it.
type bulkOp struct {
	method, path, bulkID, version string
	data                          scim.Value
	fault                         string // why it is no operation, when it is none

	stage    bulkStage
	id       state.ID   // of what a POST made
	rest     scim.Value // the part of the data that refers to an operation which itself refers to this one
	joined   bool       // it has been added
	status   int
	location string
	etag     string
	failure  *scim.Error
}

func (op *bulkOp) end(err error) {
	op.stage = bulkDone
	if err == nil {
		return
	}
	if !errors.As(err, &op.failure) {
		op.failure = &scim.Error{Status: http.StatusInternalServerError, Detail: err.Error()}
	}
	op.status, op.etag = op.failure.Status, ""
	if op.method == http.MethodPost {
		op.location = ""
	}
}

// run carries the operations out until all are done or too many have failed.
func (j *bulkJob) run() {
	for _, op := range j.ops {
		j.carryOut(op)
		j.settle()
	}
}

func (j *bulkJob) over() bool { return j.failOn > 0 && j.failures >= j.failOn }

func (j *bulkJob) count(op *bulkOp) {
	if op.failure != nil {
		j.failures++
	}
}

var (
	errReference = &scim.Error{Status: http.StatusConflict, Detail: "it refers to an operation of this request that failed"}
	errCircle    = &scim.Error{Status: http.StatusConflict, Detail: "it refers to an operation that refers to it, and this could not be resolved; nothing of it was kept"}
)

// carryOut does an operation, after those that it refers to. Where one of these refers to it in turn, that one is created without this
// part of it, which settle adds.
func (j *bulkJob) carryOut(op *bulkOp) {
	if op.stage != bulkWaiting || j.over() {
		return
	}
	if op.fault != "" {
		j.fail(op, scim.BadRequest(scim.TypeInvalidSyntax, "%s", op.fault))
		return
	}
	op.stage = bulkRunning
	for _, name := range op.references() {
		other := j.byID[name]
		switch {
		case other == nil || other.method != http.MethodPost:
			j.fail(op, invalidValue("no POST of this request has the bulkId %q", name))
			return
		case other != op:
			j.carryOut(other)
		}
		switch {
		case j.over():
			op.stage = bulkWaiting
			return
		case other.stage == bulkDone && other.failure != nil:
			j.fail(op, errReference)
			return
		}
	}
	now, later := j.divide(op)
	done := j.send(op.method, j.resolvedPath(op.path), now, op.version)
	op.take(done)
	if op.failure == nil && later.Kind != scim.Null {
		op.rest = later
		j.open = append(j.open, op)
	}
	j.count(op)
}

func (j *bulkJob) fail(op *bulkOp, err error) {
	op.end(err)
	j.count(op)
}

// divide resolves the references of an operation and splits off what refers to operations that are not done with.
func (j *bulkJob) divide(op *bulkOp) (now, later scim.Value) {
	var ready, open []scim.Field
	for _, f := range op.data.Fields {
		if j.pending(f.Value) {
			open = append(open, f)
		} else {
			ready = append(ready, scim.Field{Name: f.Name, Value: j.resolved(f.Name, f.Value)})
		}
	}
	if len(open) > 0 {
		later = scim.ObjectOf(open...)
	}
	return scim.ObjectOf(ready...), later
}

// settle closes circles, when nothing is being carried out any more: what was left out of operations is added. One for which this fails is
// undone, and so are those that refer to it.
func (j *bulkJob) settle() {
	for i := 0; i < len(j.open); {
		op := j.open[i]
		why := j.join(op)
		if why == nil {
			i++
			continue
		}
		j.open = slices.Delete(j.open, i, i+1)
		j.undo(op, why)
		i = 0
	}
	j.open = nil
}

// join adds what was left out of an operation, unless it has been, and tells why it cannot be.
func (j *bulkJob) join(op *bulkOp) *scim.Error {
	switch {
	case j.broken(op.rest):
		return errCircle
	case op.joined:
		return nil
	}
	change := scim.ObjectOf(
		scim.Field{Name: "schemas", Value: scim.ListOf(scim.StringValue(patch.URN))},
		scim.Field{Name: "Operations", Value: scim.ListOf(scim.ObjectOf(
			scim.Field{Name: "op", Value: scim.StringValue("add")},
			scim.Field{Name: "value", Value: j.resolved("value", op.rest)}))})
	done := j.send(http.MethodPatch, op.path+"/"+string(op.id), change, "")
	if done.failed == nil {
		op.joined, op.etag = true, done.w.Header().Get("ETag")
	}
	return done.failed
}

// undo takes away again what was created of an operation that cannot be carried out whole.
func (j *bulkJob) undo(op *bulkOp, why *scim.Error) {
	j.send(http.MethodDelete, op.path+"/"+string(op.id), scim.Value{}, "")
	j.fail(op, why)
}

// send carries out one request as if it had come alone, but for the key and the source's turn, which it shares with the whole.
func (j *bulkJob) send(method, target string, data scim.Value, version string) *call {
	c := j.c.part(method, target, data, version)
	c.act()
	c.h.noteFailure(c)
	return c
}

// act routes and does what is asked. A panic is this operation's failure alone.
func (c *call) act() {
	defer func() {
		if cause := recover(); cause != nil {
			c.log().Error("request panicked", logPanic, cause, logStack, string(debug.Stack()))
			c.fail(c.fault())
		}
	}()
	do, err := c.h.route(c)
	if err == nil && !c.endpoint.bulk {
		err = errNoEndpoint
	}
	if err == nil {
		err = do(c)
	}
	if err != nil {
		c.fail(err)
	}
}

// part makes a call of an operation.
func (c *call) part(method, target string, data scim.Value, version string) *call {
	path, query, _ := strings.Cut(target, "?")
	r := (&http.Request{
		Method: method, URL: &url.URL{Path: c.h.basePath + path, RawQuery: query}, Host: c.r.Host,
		Header: http.Header{}, Body: http.NoBody,
	}).WithContext(c.r.Context())
	if version != "" && method != http.MethodPost {
		r.Header.Set("If-Match", version)
	}
	p := &call{
		h: c.h, w: unsent{}, r: r, id: string(state.NewID()), start: c.start, key: c.key, scope: c.scope, source: c.source, types: c.types,
		lane: c.lane, place: c.base(), given: &data, brief: true, held: true,
	}
	if data.Kind == scim.Object {
		p.received.Write(data.AppendJSON(nil))
	}
	return p
}

// unsent is where the headers of an answer go that is part of another.
type unsent http.Header

func (u unsent) Header() http.Header         { return http.Header(u) }
func (u unsent) WriteHeader(int)             {}
func (u unsent) Write(p []byte) (int, error) { return len(p), nil }

// take notes what became of an operation.
func (op *bulkOp) take(done *call) {
	op.status, op.etag, op.location = done.status, done.w.Header().Get("ETag"), done.w.Header().Get("Location")
	if op.location == "" && done.endpoint != nil && done.endpoint.item {
		op.location = done.base() + strings.TrimSuffix(done.endpoint.name, "{id}") + done.target
	}
	if done.failed != nil {
		op.end(done.failed)
		return
	}
	if op.method == http.MethodPost {
		op.id = state.ID(op.location[strings.LastIndexByte(op.location, '/')+1:])
	}
	op.stage = bulkDone
}
