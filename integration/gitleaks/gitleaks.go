// Package gitleaks compares masking with gitleaks, whose rules many people
// trust. It is a module of its own: gitleaks brings two hundred others along.
package gitleaks
