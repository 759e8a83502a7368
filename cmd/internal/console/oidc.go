package console

type OIDC struct{}
