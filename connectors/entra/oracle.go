package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"

	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var _ connectors.Oracle = (*Connector)(nil)

// evaluate is asked for only where an operator wants to: it takes a permission to write, of which nothing is used.
var evaluate = rest.Step{What: "let Entra ID evaluate an expression", Permission: "Synchronization.ReadWrite.All"}

// property is one attribute of a test object.
type property struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Evaluate implements connectors.Oracle (learn.microsoft.com/graph/api/synchronization-synchronizationschema-parseexpression), in three calls.
func (c *Connector) Evaluate(ctx context.Context, expression string, attributes map[string]connectors.Value) ([]string, error) {
	ctx, _ = rest.WithTally(ctx)
	servicePrincipal, job, err := c.configuredJob(ctx)
	if err != nil {
		return nil, err
	}
	var asked struct {
		Expression      string `json:"expression"`
		TestInputObject struct {
			Properties []property `json:"properties"`
		} `json:"testInputObject"`
	}
	asked.Expression, asked.TestInputObject.Properties = expression, []property{}
	for name, value := range attributes {
		switch {
		case !value.Present:
		case value.List != nil:
			asked.TestInputObject.Properties = append(asked.TestInputObject.Properties, property{name, value.List})
		default:
			asked.TestInputObject.Properties = append(asked.TestInputObject.Properties, property{name, value.Text})
		}
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, fail(ctx, evaluate, err)
	}
	address, err := url.Parse(c.adapter.GetBaseUrl() + "/servicePrincipals/" + url.PathEscape(servicePrincipal) + "/synchronization/jobs/" + url.PathEscape(job) + "/schema/parseExpression")
	if err != nil {
		return nil, fail(ctx, evaluate, err)
	}
	request := kiotaabs.NewRequestInformation()
	request.Method = kiotaabs.POST
	request.SetUri(*address)
	request.SetStreamContentAndContentType(body, "application/json")
	answer, err := c.send(ctx, request)
	if err != nil {
		return nil, fail(ctx, evaluate, err)
	}
	return evaluation(ctx, answer)
}

// evaluation takes the answer to an expression.
func evaluation(ctx context.Context, answer string) ([]string, error) {
	var told struct {
		ParsingSucceeded, EvaluationSucceeded bool
		EvaluationResult                      []string
		Error                                 *struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil {
		return nil, fail(ctx, evaluate, errors.New("the answer is not in the usual form"))
	}
	if told.ParsingSucceeded && told.EvaluationSucceeded {
		return told.EvaluationResult, nil
	}
	failure := &connectors.Error{Kind: connectors.ErrMisconfigured, Detail: "it could not, and does not say why"}
	if told.Error != nil {
		failure.Code, failure.Detail = rest.Line(told.Error.Code), rest.Line(cmp.Or(told.Error.Message, told.Error.Code))
	}
	return nil, fail(ctx, evaluate, failure)
}
