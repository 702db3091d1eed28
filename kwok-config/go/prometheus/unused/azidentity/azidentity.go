// Package azidentity takes the place of Azure's credentials in the lab's Prometheus, which refuses `azuread`. It has the names that
// Prometheus uses.
package azidentity

import (
	"crypto"
	"crypto/x509"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

var errUnused = errors.New("this Prometheus was built without azuread; use an official release")

// The options have the fields that Prometheus sets.
type (
	ClientID                           string
	ClientCertificateCredentialOptions struct {
		azcore.ClientOptions
		SendCertificateChain bool
	}
	ClientSecretCredentialOptions struct {
		azcore.ClientOptions
	}
	DefaultAzureCredentialOptions struct {
		azcore.ClientOptions
		TenantID string
	}
	ManagedIdentityCredentialOptions struct {
		azcore.ClientOptions
		ID ClientID
	}
	WorkloadIdentityCredentialOptions struct {
		azcore.ClientOptions
		ClientID, TenantID, TokenFilePath string
	}
)

// ParseCertificates always fails.
func ParseCertificates([]byte, []byte) ([]*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, errUnused
}

// NewClientCertificateCredential always fails.
func NewClientCertificateCredential(
	_, _ string, _ []*x509.Certificate, _ crypto.PrivateKey, _ *ClientCertificateCredentialOptions,
) (azcore.TokenCredential, error) {
	return nil, errUnused
}

// NewClientSecretCredential always fails.
func NewClientSecretCredential(_, _, _ string, _ *ClientSecretCredentialOptions) (azcore.TokenCredential, error) {
	return nil, errUnused
}

// NewDefaultAzureCredential always fails.
func NewDefaultAzureCredential(*DefaultAzureCredentialOptions) (azcore.TokenCredential, error) {
	return nil, errUnused
}

// NewManagedIdentityCredential always fails.
func NewManagedIdentityCredential(*ManagedIdentityCredentialOptions) (azcore.TokenCredential, error) {
	return nil, errUnused
}

// NewWorkloadIdentityCredential always fails.
func NewWorkloadIdentityCredential(*WorkloadIdentityCredentialOptions) (azcore.TokenCredential, error) {
	return nil, errUnused
}
