package app

import (
	"millwright/internal/generate/ask"
	"millwright/internal/generate/provider"
)

// adviser returns what asks the configured model; nil if there is none.
func (a *App) adviser() (*ask.Adviser, error) {
	c := a.config
	if c.ProviderURL == "" {
		return nil, nil
	}
	model, err := provider.New(provider.Config{URL: c.ProviderURL, Key: c.ProviderKey, Model: c.ProviderModel, Timeout: c.ProviderTimeout, Allow: c.prefixes()})
	if err != nil {
		return nil, err
	}
	return &ask.Adviser{Model: model, Values: c.ProviderValues, Log: a.log}, nil
}
