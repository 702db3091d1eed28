module github.com/open-telemetry/opentelemetry-collector-contrib/extension/sigv4authextension

go 1.26
