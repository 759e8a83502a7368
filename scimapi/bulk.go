package scimapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/state/scim"
)

const (
	bulkSchema       = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkAnswerSchema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// bulk carries out several requests in one (RFC 7644 §3.7): one after the other, each in the very way it would be carried out alone, but
// what an operation refers to goes first.
func (h *Handler) bulk(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	job, err := h.readBulk(c, body)
	if err != nil {
		return err
	}
	job.run()
	return c.answerBulk(job)
}

// readBulk reads a BulkRequest. A fault of one operation is that operation's; one of the whole means that none is carried out.
func (h *Handler) readBulk(c *call, body scim.Value) (*bulkJob, error) {
	list := body.Get("Operations")
	switch schemas := body.Get("schemas"); {
	case !names(schemas, bulkSchema) && (c.strict() || !schemas.Empty()):
		return nil, scim.BadRequest(scim.TypeInvalidSyntax, "schemas must name %s", bulkSchema)
	case list.Kind != scim.Array || len(list.List) == 0:
		return nil, scim.BadRequest(scim.TypeInvalidSyntax, "Operations must be a list of at least one operation")
	case len(list.List) > h.limits.Bulk:
		return nil, tooLarge("the request has %d operations; the limit (maxOperations) is %d", len(list.List), h.limits.Bulk)
	}
	failOn, err := failOnErrors(body.Get("failOnErrors"))
	if err != nil {
		return nil, err
	}
	job := &bulkJob{c: c, failOn: failOn, byID: map[string]*bulkOp{}}
	for i, v := range list.List {
		op := readBulkOp(v)
		if op.bulkID != "" {
			if job.byID[op.bulkID] != nil {
				return nil, scim.BadRequest(scim.TypeInvalidSyntax, "operation %d: its bulkId is that of an earlier one", i+1)
			}
			job.byID[op.bulkID] = op
		}
		job.ops = append(job.ops, op)
	}
	return job, nil
}

// failOnErrors reads after how many failures to stop; 0: never.
func failOnErrors(v scim.Value) (int, error) {
	if v.Kind == scim.Null {
		return 0, nil
	}
	n, err := strconv.Atoi(v.Text)
	if v.Kind != scim.Number || err != nil || n < 0 {
		return 0, invalidValue("failOnErrors must be a whole number, 1 or more")
	}
	return max(1, n), nil
}

// names tells whether a list of URNs has one.
func names(schemas scim.Value, urn string) bool {
	return slices.ContainsFunc(schemas.List, func(s scim.Value) bool { return strings.EqualFold(s.Text, urn) })
}

func readBulkOp(v scim.Value) *bulkOp {
	op := &bulkOp{
		method: strings.ToUpper(v.Get("method").Text), path: v.Get("path").Text, bulkID: v.Get("bulkId").Text,
		version: v.Get("version").Text, data: v.Get("data"),
	}
	switch {
	case v.Kind != scim.Object:
		op.fault = "an operation must be an object with method, path, bulkId and data"
	case !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, op.method):
		op.method, op.fault = "", "method must be POST, PUT, PATCH or DELETE"
	case !strings.HasPrefix(op.path, "/"):
		op.fault = "path must be that of a resource or of a kind of resources, such as /Users"
	case op.method == http.MethodPost && op.bulkID == "":
		op.fault = "a POST needs a bulkId (RFC 7644 §3.7)"
	case op.method != http.MethodDelete && op.data.Kind != scim.Object:
		op.fault = "data must be the body of the request, an object"
	}
	return op
}

// answerBulk tells what became of each operation that was reached, in the order in which they were sent.
func (c *call) answerBulk(job *bulkJob) error {
	c.answer(http.StatusOK)
	c.out = append(c.out, `{"schemas":["`+bulkAnswerSchema+`"],"Operations":[`...)
	first := true
	for _, op := range job.ops {
		if op.stage != bulkDone {
			continue
		}
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.appendBulkOp(op)
		if err := c.spill(); err != nil {
			return err
		}
	}
	c.out = append(c.out, `]}`...)
	return nil
}

func (c *call) appendBulkOp(op *bulkOp) {
	c.out = append(c.out, `{"status":"`...)
	c.out = strconv.AppendInt(c.out, int64(op.status), 10)
	c.out = append(c.out, '"')
	for _, field := range [...]struct{ name, text string }{
		{"method", op.method}, {"bulkId", op.bulkID}, {"version", op.etag}, {"location", op.location},
	} {
		if field.text != "" {
			c.out = append(c.out, `,"`+field.name+`":`...)
			c.out = appendString(c.out, field.text)
		}
	}
	if op.failure != nil {
		c.out = append(c.out, `,"response":`...)
		c.out = appendError(c.out, op.failure)
	}
	c.out = append(c.out, '}')
}
