// Package sigv4 takes the place of the signer of requests to AWS in the lab's Prometheus, which refuses a configuration with `sigv4`.
package sigv4

import (
	"errors"
	"net/http"
)

var errUnused = errors.New("this Prometheus was built without sigv4; use an official release")

// SigV4Config has no fields.
type SigV4Config struct{}

// UnmarshalYAML always fails.
func (*SigV4Config) UnmarshalYAML(func(any) error) error {
	return errUnused
}

// NewSigV4RoundTripper always fails.
func NewSigV4RoundTripper(*SigV4Config, http.RoundTripper) (http.RoundTripper, error) {
	return nil, errUnused
}
