// Package config makes a tracker provider of the environment or of one YAML file, so that
// where the trail goes is decided by who runs the program and not by who wrote it:
//
//	provider, err := config.NewTrackerProvider(ctx)
//	if err != nil {
//		log.Fatal(err) // everything that is wrong, a line each
//	}
//	defer provider.Shutdown(context.Background())
//	audit.SetTrackerProvider(provider)
//
// Two variables are enough for a start:
//
//	AUDIT_EXPORTERS=stdout,mongodb AUDIT_MONGODB_URI=mongodb://localhost
//
// or one, AUDIT_CONFIG_FILE=deploy.yaml, and a file:
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
// The key policy has the rules of package policy, by the names of policy.Rule's fields:
//
//	policy:
//	  - {name: payouts, actions: ["payout.*"], require: [reason], exporters: [mongodb]}
//	  - {name: probes, routes: [/healthz], exempt: a probe changes nothing}
//
// They are in force for the provider. Exporters are those of the file, by their names; a
// rule cannot name one that the program adds. Config.Policy returns the rules for
// the WithCoverage option of a middleware, which keeps those about requests.
//
// # What goes before what
//
// With a file, the file is everything. The environment adds what the file asks for as
// ${VAR} or ${VAR:-default}, and what OpenTelemetry's own variables say where the file
// says nothing: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_*.
// Without a file, variables are everything. What a program adds by WithSDKOptions comes
// last.
//
// # Mistakes
//
// All of them are found at start, at once, as an *Error. An unknown key is a mistake, and
// so is one without a value, a key that stands twice, a variable that is not set, an
// empty list that would refuse everything, and a provider that would record nothing.
// Values are expanded after the file was parsed, so that a variable cannot add keys.
//
// # Secrets
//
// No error and no dump shows a secret: errors show where something stands, and not what.
// Only the errors about OpenTelemetry's variables quote a value, and none that may hold a
// credential. A Config prints itself as it was written, with ${VAR} and not its value,
// and with *** for MongoDB's URI, headers, keys, and endpoints that have a user.
package config
