module github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor

go 1.26
