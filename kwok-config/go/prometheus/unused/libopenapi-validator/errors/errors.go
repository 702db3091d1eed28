// Package errors is empty, as package validator.
package errors
