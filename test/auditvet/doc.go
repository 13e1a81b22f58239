// Package auditvet tests cmd/auditvet, run by go vet, on sources that use the real API.
package auditvet
