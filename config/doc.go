// Package config creates a tracker provider from environment variables or from one YAML
// file, so that whoever runs a program decides where its audit trail goes:
//
//	provider, err := config.NewTrackerProvider(ctx)
//	if err != nil {
//		log.Fatal(err) // one line for each problem
//	}
//	defer provider.Shutdown(context.Background())
//	audit.SetTrackerProvider(provider)
//
// Two variables are enough to start:
//
//	AUDIT_EXPORTERS=stdout,mongodb AUDIT_MONGODB_URI=mongodb://localhost
//
// or AUDIT_CONFIG_FILE=deploy.yaml and a file:
//
//	ledger: {dir: /var/lib/shop/audit}
//	exporters:
//	  - {type: mongodb, uri: "${AUDIT_MONGODB_URI}"}
//	  - type: otlp
//	    endpoint: https://collector.example.com
//	    headers: {authorization: "Bearer ${TOKEN}"}
//	    filter: {actions: ["user.*", access.denied], outcomes: [failure, denied]}
//
// README.md lists every key and variable; Schema returns the JSON Schema of the file.
//
// # Policy
//
// The key policy has a list of policy.Rule:
//
//	policy:
//	  - {name: payouts, actions: ["payout.*"], require: [reason], exporters: [mongodb]}
//	  - {name: probes, routes: [/healthz], exempt: a probe changes nothing}
//
// The provider applies the rules. They name exporters of the file; they cannot name an
// exporter that the program adds. Pass Config.Policy to audithttp.WithCoverage, which
// applies the rules for requests.
//
// # Precedence
//
// If there is a file, only the file counts. Environment variables add what the file refers
// to as ${VAR} or ${VAR:-default}; OpenTelemetry's variables (OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_*) apply to settings that the file does
// not have. Without a file, only environment variables count. WithSDKOptions overrides both.
//
// # Errors
//
// Load reports all problems at once, as an *Error. Problems are: an unknown key, a key
// without a value, a repeated key, a variable that is not set, an empty list that would
// reject everything, and a provider that would record nothing. Variables are expanded after
// the file is parsed, so a variable cannot add keys.
//
// # Secrets
//
// Errors and dumps do not show secrets: errors contain the path of a value, not the value.
// Only errors about OpenTelemetry's variables quote values, and never of variables that may
// have credentials. A Config prints as it was written, with ${VAR} instead of its value, and
// with *** for the URI of MongoDB, headers, keys, and endpoints with a user.
package config
