// Package tailsamplingprocessor takes the place of the processor that samples whole traces in the lab's Jaeger.
package tailsamplingprocessor

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
)

// NewFactory returns a factory that refuses every pipeline.
func NewFactory() processor.Factory {
	return processor.NewFactory(component.MustNewType("tail_sampling"), func() component.Config { return &struct{}{} })
}
