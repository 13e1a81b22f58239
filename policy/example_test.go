package policy_test

import (
	"fmt"
	"log"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
)

// Test a policy without a provider.
func Example() {
	p, err := policy.New(
		policy.Rule{
			Name: "payouts", Actions: []string{"payout.*"},
			Require: []string{"reason", "metadata.ticket"}, RequireActorTypes: []string{"user"},
		},
		policy.Rule{Name: "admin", Channels: []string{"admin"}, Require: []string{"reason"}},
		policy.Rule{Name: "probes", Routes: []string{"/healthz"}, Exempt: "a probe changes nothing"},
	)
	if err != nil {
		log.Fatal(err)
	}

	rule, problems := p.Explain(&audit.Event{Action: "payout.send", Actor: audit.Service("cron"), Reason: "due"}, "job")
	fmt.Println(rule)
	for _, problem := range problems {
		fmt.Println(" ", problem)
	}
	_, exemption, _ := p.Coverage("GET", "/healthz", "api")
	fmt.Println(exemption)
	// Output:
	// payouts
	//   audit: actor.type: it must be user for this action
	//   audit: metadata.ticket: it is required for this action
	// a probe changes nothing
}
