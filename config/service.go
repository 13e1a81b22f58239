package config

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// serviceModel describes the service. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES supply
// what is not set.
type serviceModel struct {
	Name       text             `key:"name"`
	Attributes map[string]loose `key:"attributes"`
}

const (
	serviceName        = "service.name"
	resourceAttributes = "OTEL_RESOURCE_ATTRIBUTES"
)

func (s *serviceModel) attributes() []attribute.KeyValue {
	var kvs []attribute.KeyValue
	if s.Name != "" {
		kvs = append(kvs, attribute.String(serviceName, string(s.Name)))
	}
	for key, value := range s.Attributes {
		kvs = append(kvs, attribute.String(key, string(value)))
	}
	return kvs
}

// environmentResource returns the resource in the environment variables.
func environmentResource(ctx context.Context) (*resource.Resource, error) {
	return resource.New(ctx, resource.WithFromEnv())
}

func (s *serviceModel) check(ctx context.Context, d *decoder, path string) {
	if _, err := environmentResource(ctx); err != nil {
		d.problems = append(d.problems, Problem{
			Path: resourceAttributes, Message: "it must be a list such as key=value,key=value, with %2C for a comma in a value",
		})
	}
	if _, exists := s.Attributes[serviceName]; exists && s.Name != "" {
		d.report(join(path, "attributes", serviceName), "service.name is set too; remove one of them")
	}
	for _, kv := range s.attributes() {
		if kv.Key == "" || tryOptions(sdk.WithResource(resource.NewSchemaless(kv))) != nil {
			d.report(join(path, "attributes", string(kv.Key)), "its key must be 1 to 256 bytes of valid UTF-8 without control characters")
		}
	}
}

// resource returns the resource of the service. The configuration takes precedence over
// environment variables, and these over OpenTelemetry's default name.
func (s *serviceModel) resource(ctx context.Context) (*resource.Resource, error) {
	env, err := environmentResource(ctx)
	if err != nil {
		return nil, err
	}
	// The last attribute with a key wins.
	return resource.NewSchemaless(slices.Concat(
		[]attribute.KeyValue{attribute.String(serviceName, "unknown_service:"+filepath.Base(os.Args[0]))},
		env.Attributes(), s.attributes(),
	)...), nil
}
