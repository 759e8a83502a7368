package scimapi

import (
	"net/http"
	"strings"
)

// endpoint is a path, or a family of paths, and what can be done there.
type endpoint struct {
	name  string // for logs and metrics
	item  bool   // one user or group
	bulk  bool   // operations of a bulk request may go here
	verbs []verb // in the order that Allow names them
}

type verb struct {
	method string
	do     func(*call) error
}

// routes builds the table of endpoints, and that of the base. Those of single things are under their parent's path, which ends in a
// slash.
func (h *Handler) routes() (base *endpoint, table map[string]*endpoint) {
	table = map[string]*endpoint{}
	add := func(name string, verbs ...verb) *endpoint {
		e := &endpoint{name: name, verbs: verbs}
		table[strings.TrimSuffix(name, "{id}")] = e
		return e
	}

	for _, res := range coreTypes.all() {
		name, kind := res.rt.Endpoint, res.kind
		one := func(do func(*call, *resource) error) func(*call) error {
			return func(c *call) error { return do(c, c.types.of(kind)) }
		}
		only := func(do func(*call, []*resource) error) func(*call) error {
			return func(c *call) error { return do(c, []*resource{c.types.of(kind)}) }
		}
		add(name, verb{http.MethodGet, only(h.list)}, verb{http.MethodPost, one(h.create)}).bulk = true
		add(name+"/.search", verb{http.MethodPost, only(h.search)})
		item := add(name+"/{id}",
			verb{http.MethodGet, one(h.read)},
			verb{http.MethodPut, one(h.replace)},
			verb{http.MethodPatch, one(h.patch)},
			verb{http.MethodDelete, one(h.remove)})
		item.item, item.bulk = true, true
	}
	both := func(do func(*call, []*resource) error) func(*call) error {
		return func(c *call) error { return do(c, c.types.all()) }
	}
	base = &endpoint{name: "/", verbs: []verb{{http.MethodGet, both(h.list)}}}
	add("/.search", verb{http.MethodPost, both(h.search)})
	add("/Bulk", verb{http.MethodPost, h.bulk})
	add("/ServiceProviderConfig", verb{http.MethodGet, h.serviceProviderConfig})
	add("/Schemas", verb{http.MethodGet, h.listSchemas})
	add("/Schemas/{id}", verb{http.MethodGet, h.readSchema})
	add("/ResourceTypes", verb{http.MethodGet, h.listResourceTypes})
	add("/ResourceTypes/{id}", verb{http.MethodGet, h.readResourceType})

	nobody := func(*call) error { return errMe }
	add("/Me",
		verb{http.MethodGet, nobody}, verb{http.MethodPost, nobody}, verb{http.MethodPut, nobody},
		verb{http.MethodPatch, nobody}, verb{http.MethodDelete, nobody})
	return base, table
}

// route finds what a request asks for. The path counts decoded, so that an encoded one leads to the same place. A leading /v2
// (RFC 7644 §3.13) is accepted, and so are slashes too many, as a base URL that was entered with one at its end makes them.
func (h *Handler) route(c *call) (func(*call) error, error) {
	path := c.r.URL.Path
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	path, ok := cutFolder(strings.TrimSuffix(path, "/"), h.basePath)
	if !ok {
		return nil, errNoEndpoint
	}
	if rest, versioned := cutFolder(path, "/v2"); versioned {
		path = rest
	}
	found := h.endpoints[path]
	if path == "" {
		found = h.base
	}
	if found == nil {
		cut := strings.LastIndexByte(path, '/') + 1
		found, c.target = h.endpoints[path[:cut]], path[cut:]
	}
	if found == nil {
		return nil, errNoEndpoint
	}
	c.endpoint = found

	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, v := range found.verbs {
		if v.method == method {
			return v.do, nil
		}
	}
	c.header("Allow", found.allow())
	if method == http.MethodOptions {
		return func(c *call) error { c.answer(http.StatusNoContent); return nil }, nil
	}
	return nil, errMethod
}

// cutFolder takes a leading folder off a path; what is left is empty or begins with a slash.
func cutFolder(path, folder string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, folder)
	return rest, ok && (rest == "" || rest[0] == '/')
}

func (e *endpoint) allow() string {
	var names []string
	for _, v := range e.verbs {
		names = append(names, v.method)
		if v.method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	return strings.Join(append(names, http.MethodOptions), ", ")
}

// knownMethod keeps what a client may invent out of logs and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
