module github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor

go 1.26
