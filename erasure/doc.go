// Package erasure makes values of records erasable: a record stores a commitment to a value,
// and the value itself encrypted under a key of its subject, such as a person. When that key
// is destroyed, nobody can read the value any more, in any copy of the record, while each
// proof of the record still holds.
//
//	keys, err := erasure.CreateDir("/var/lib/shop/subject-keys")
//	...
//	vault, err := erasure.NewVault(keys)
//	...
//	provider, err := sdk.NewTrackerProvider(..., sdk.WithRedaction(
//		redact.WithKeyStrategy("customer.*", redact.Erasable(vault.For(erasure.Target))),
//		redact.WithFieldStrategy("actor.name", redact.Erasable(vault.For(erasure.Actor))),
//	))
//
// A SubjectFunc says whose a value is (subject.go), and a KeyStore keeps the keys (key.go):
// Dir is one (dir.go). A Vault makes values erasable (vault.go), with the keys that it
// remembers (cache.go) and few that anybody can cause (budget.go), in the form that value.go has.
// Open reads them again (open.go). Erase destroys a key (erase.go), and a Disclosure shows one
// field to somebody who can check it (disclosure.go).
//
// docs/erasure.md says what an erasure means for each copy of the records.
package erasure
