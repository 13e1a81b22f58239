package audit

import "strconv"

// Kind says how an event became known.
type Kind uint8

const (
	// KindIntent is an event that application code records explicitly.
	KindIntent Kind = iota
	// KindSignal is an event that a data layer noticed. It is a fallback, recorded only if
	// no intent covers it.
	KindSignal
)

// Operation is the general class of an action.
type Operation uint8

// The operations.
const (
	OperationUnspecified Operation = iota
	OperationCreate
	OperationRead
	OperationUpdate
	OperationDelete
	OperationExecute
	OperationLogin
	OperationLogout
)

// Outcome says how an action ended.
type Outcome uint8

const (
	// OutcomeUnknown is the zero value: the caller does not know, or did not say.
	OutcomeUnknown Outcome = iota
	// OutcomeSuccess means that the action was done.
	OutcomeSuccess
	// OutcomeFailure means that the action failed.
	OutcomeFailure
	// OutcomeDenied means that the actor was not allowed to do it.
	OutcomeDenied
)

// ActorType is the kind of an actor.
type ActorType uint8

const (
	// ActorNone is the zero value: no actor.
	ActorNone ActorType = iota
	// ActorUser is a person with an account.
	ActorUser
	// ActorService is another program, identified by its credentials.
	ActorService
	// ActorSystem is the program itself: a job, a migration, a scheduler.
	ActorSystem
	// ActorAnonymous is somebody who is deliberately not identified. It must be set
	// explicitly, and the provider must allow it.
	ActorAnonymous
	// ActorUnresolved is the actor of a signal whose actor is not known. An intent must not
	// have it.
	ActorUnresolved
)

// The words that records use, in the order of the constants.
var (
	kindWords      = [...]string{"intent", "signal"}
	operationWords = [...]string{"unspecified", "create", "read", "update", "delete", "execute", "login", "logout"}
	outcomeWords   = [...]string{"unknown", "success", "failure", "denied"}
	actorTypeWords = [...]string{"none", "user", "service", "system", "anonymous", "unresolved"}
)

// Valid reports whether k is one of the constants.
func (k Kind) Valid() bool { return int(k) < len(kindWords) }

// String returns the word that records use, e.g. "intent".
func (k Kind) String() string { return word(kindWords[:], k, "Kind") }

// Valid reports whether o is one of the constants.
func (o Operation) Valid() bool { return int(o) < len(operationWords) }

// String returns the word that records use, e.g. "create".
func (o Operation) String() string { return word(operationWords[:], o, "Operation") }

// Valid reports whether o is one of the constants.
func (o Outcome) Valid() bool { return int(o) < len(outcomeWords) }

// String returns the word that records use, e.g. "success".
func (o Outcome) String() string { return word(outcomeWords[:], o, "Outcome") }

// Valid reports whether t is one of the constants.
func (t ActorType) Valid() bool { return int(t) < len(actorTypeWords) }

// String returns the word that records use, e.g. "user".
func (t ActorType) String() string { return word(actorTypeWords[:], t, "ActorType") }

func word[T ~uint8](words []string, v T, name string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return name + "(" + strconv.Itoa(int(v)) + ")"
}
