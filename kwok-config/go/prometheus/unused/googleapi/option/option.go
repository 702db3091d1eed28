// Package option takes the place of the options of Google's clients in the lab's Prometheus. It has the names that Prometheus uses.
package option

import "golang.org/x/oauth2/google"

// ClientOption is never applied.
type ClientOption any

// CredentialsType names the kind of a credentials file.
type CredentialsType string

// ServiceAccount is the only kind that Prometheus names.
const ServiceAccount CredentialsType = "service_account"

// WithScopes does nothing.
func WithScopes(...string) ClientOption {
	return nil
}

// WithAuthCredentialsFile does nothing.
func WithAuthCredentialsFile(CredentialsType, string) ClientOption {
	return nil
}

// WithCredentials does nothing.
func WithCredentials(*google.Credentials) ClientOption {
	return nil
}
