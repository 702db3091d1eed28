// Package errors is empty, like package validator.
package errors
