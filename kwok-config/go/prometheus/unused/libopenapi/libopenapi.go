// Package libopenapi is empty. Only tests of Prometheus import it.
package libopenapi
