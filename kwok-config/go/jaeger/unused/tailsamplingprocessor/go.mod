module github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor

go 1.26
