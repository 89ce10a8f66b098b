// Package otel sends telemetry with OpenTelemetry's own SDK and with the exporter
// of its collector, and looks at what capture/otlp makes of it. It is a module of
// its own: the collector brings some ninety others along.
package otel
