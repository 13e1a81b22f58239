package sdk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/sdk/internal/limit"
	"github.com/opendeed/audit/sdk/redact"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// defaultResource returns the resource from the environment. If it has no service name,
// the resource gets OpenTelemetry's default.
func defaultResource() (*resource.Resource, error) {
	unnamed := resource.NewSchemaless(attribute.String("service.name", "unknown_service:"+filepath.Base(os.Args[0])))
	env, err := resource.New(context.Background(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	merged, err := resource.Merge(unnamed, env)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return merged, nil
}

// cleanResource redacts the resource, and escapes and shortens it, once for all records.
// The marks say what was changed.
func cleanResource(r *resource.Resource, redactor *redact.Redactor) (*resource.Resource, []mark.Mark) {
	if r == nil {
		return nil, nil
	}
	clean, _ := redactor.Attributes("resource", r.Attributes())
	return limit.Resource(resource.NewSchemaless(clean...))
}
