// Package etch is a tamper-evident audit trail for AI agents.
package etch
