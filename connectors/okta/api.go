package okta

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// The most that Okta gives of each in one page, or advises to ask for.
const (
	appUserPage = 500
	groupPage   = 200
	memberPage  = 200
	pushPage    = 1000
	mappingPage = 200
)

// body is what an answer holds. The transport has declared it binary, so the SDK has not touched it.
func body(resp *sdk.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// decode reads an answer that is small into a value.
func decode(resp *sdk.Response, err error, into any) error {
	text, err := body(resp, err)
	if err != nil {
		return err
	}
	return parse(text, into)
}

// parse reads JSON that is small into a value. Its error says nothing of what is there.
func parse(text string, into any) error {
	if json.Unmarshal([]byte(text), into) != nil {
		return errForm
	}
	return nil
}

// get asks for what the SDK has no method for, through its executor. address is a path and query.
func (c *Connector) get(ctx context.Context, address string) (*sdk.Response, error) {
	executor := c.client.CloneRequestExecutor()
	req, err := executor.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return executor.Do(ctx, req, nil)
}

// eachPage calls read with each page of a listing, from the first answer on, under the watch of a rest.Listing. What read returns
// tells the page from others, "" of an empty one.
func eachPage(ctx context.Context, resp *sdk.Response, failed error, read func(page string) (first string, err error)) error {
	var listing rest.Listing
	for {
		text, err := body(resp, failed)
		if err != nil {
			return err
		}
		first, err := read(text)
		if err != nil || !resp.HasNextPage() {
			return err
		}
		if err := listing.Next(first, resp.NextPage); err != nil {
			return err
		}
		resp, failed = resp.Next(ctx, nil)
	}
}

// application makes sure that the application is there and active: in any other state, people vanish from it for no reason of theirs.
func (c *Connector) application(ctx context.Context) error {
	_, resp, err := c.client.Application.GetApplication(ctx, c.appID, sdk.NewApplication(), nil)
	text, err := body(resp, err)
	if notThere(err) {
		err = &connectors.Error{Kind: connectors.ErrSourceLost, Detail: "the org has no application with this id"}
	}
	if err != nil {
		return c.fail(ctx, findApplication, err)
	}
	s := rest.Scan(text)
	id, status, err := s.Texts("id", "status")
	switch {
	case err != nil:
		return c.fail(ctx, findApplication, err)
	case id != c.appID || status == "":
		return c.fail(ctx, findApplication, errNoApp)
	case status != "ACTIVE":
		return c.fail(ctx, findApplication, &connectors.Error{Kind: connectors.ErrSourceLost, Detail: "the application is " + rest.Line(status)})
	}
	return nil
}

// appUsers calls read with each page of the application's users.
func (c *Connector) appUsers(ctx context.Context, read func(page string) (first string, err error)) error {
	_, resp, err := c.client.Application.ListApplicationUsers(ctx, c.appID, query.NewQueryParams(query.WithLimit(appUserPage), query.WithExpand("user")))
	return eachPage(ctx, resp, err, read)
}

// appUser reads one app user with its Okta user embedded.
func (c *Connector) appUser(ctx context.Context, id string) (string, error) {
	_, resp, err := c.client.Application.GetApplicationUser(ctx, c.appID, id, query.NewQueryParams(query.WithExpand("user")))
	return body(resp, err)
}

// user reads one Okta user.
func (c *Connector) user(ctx context.Context, id string) (oktaUser, error) {
	_, resp, err := c.client.User.GetUser(ctx, id)
	text, err := body(resp, err)
	if err != nil {
		return oktaUser{}, err
	}
	s := rest.Scan(text)
	user, err := scanUser(&s)
	if err == nil && user.id != id {
		err = errOther
	}
	return user, err
}
