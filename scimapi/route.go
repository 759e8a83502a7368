package scimapi

import (
	"net/http"
	"strings"
)

// endpoint is a path, or a family of paths, and what can be done there.
type endpoint struct {
	name  string // for logs and metrics
	item  bool   // one user or group
	verbs []verb // in the order that Allow names them
}

type verb struct {
	method string
	do     func(*call) error
}

// routes builds the table of endpoints. Those of single things are under their parent's path, which ends in a slash.
func (h *Handler) routes() map[string]*endpoint {
	table := map[string]*endpoint{}
	add := func(name string, verbs ...verb) *endpoint {
		e := &endpoint{name: name, verbs: verbs}
		table[strings.TrimSuffix(name, "{id}")] = e
		return e
	}

	for _, res := range []*resource{h.users, h.groups} {
		name := res.rt.Endpoint
		add(name,
			verb{http.MethodGet, func(c *call) error { return h.list(c, res) }},
			verb{http.MethodPost, func(c *call) error { return h.create(c, res) }})
		add(name+"/.search",
			verb{http.MethodPost, func(c *call) error { return h.search(c, res) }})
		item := add(name+"/{id}",
			verb{http.MethodGet, func(c *call) error { return h.read(c, res) }},
			verb{http.MethodPut, func(c *call) error { return h.replace(c, res) }},
			verb{http.MethodPatch, func(c *call) error { return h.patch(c, res) }},
			verb{http.MethodDelete, func(c *call) error { return h.remove(c, res) }})
		item.item = true
	}
	add("/ServiceProviderConfig", verb{http.MethodGet, h.serviceProviderConfig})
	add("/Schemas", verb{http.MethodGet, h.listSchemas})
	add("/Schemas/{id}", verb{http.MethodGet, h.readSchema})
	add("/ResourceTypes", verb{http.MethodGet, h.listResourceTypes})
	add("/ResourceTypes/{id}", verb{http.MethodGet, h.readResourceType})

	notOffered := func(*call) error { return errNotOffered }
	add("/Me",
		verb{http.MethodGet, notOffered}, verb{http.MethodPost, notOffered}, verb{http.MethodPut, notOffered},
		verb{http.MethodPatch, notOffered}, verb{http.MethodDelete, notOffered})
	add("/Bulk", verb{http.MethodPost, notOffered})
	add("/.search", verb{http.MethodPost, notOffered})
	return table
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
	if path == "" {
		return nil, errBase
	}
	found := h.endpoints[path]
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
