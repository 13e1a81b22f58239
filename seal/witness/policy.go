package witness

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Policy says which witnesses must have cosigned a checkpoint. It never changes, and is safe for
// concurrent use.
type Policy struct {
	logs      []note.Verifier
	witnesses []policyWitness
	keys      note.Verifiers
	quorum    *member // nil: none is needed
}

// policyWitness is a witness of a policy.
type policyWitness struct {
	verifier *verifier
	url      string // where it answers, without a slash at its end; empty if it is not known
}

// member is a witness, or a group of members of which some must have cosigned.
type member struct {
	witness *verifier
	members []*member
	needed  int
}

// maxPolicy limits the size of a policy, in bytes, and maxMembers its witnesses and groups.
const (
	maxPolicy  = 1 << 20
	maxMembers = 1024
)

// LoadPolicy reads the policy in a file, see [ParsePolicy].
func LoadPolicy(path string) (*Policy, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	p, err := ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// ParsePolicy reads a policy in the format of C2SP's tlog-policy:
//
//	witness a witness.example.org/w1+6f3c1f2a+BAX… https://witness.example.org
//	witness b other.example.net+01ab23cd+BEf… https://other.example.net/witness
//	witness c third.example.com+4b5c6d7e+BMr… https://third.example.com
//	group two-of-three 2 a b c
//	quorum two-of-three
//
// Keys of witnesses must be Ed25519 keys for cosignatures. An error names the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("witness: the policy has %d bytes, and at most %d are read", len(text), maxPolicy)
	}
	r := policyReader{policy: &Policy{}, named: map[string]*member{}, used: map[string]bool{}, keys: map[string]bool{}}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if err := r.line(strings.TrimSuffix(string(line), "\n")); err != nil {
			return nil, fmt.Errorf("witness: line %d of the policy: %w", number, err)
		}
	}
	if !r.decided {
		return nil, errors.New("witness: the policy has no line that begins with quorum; it says which witness or group must have cosigned")
	}
	var keys []note.Verifier
	for _, w := range r.policy.witnesses {
		keys = append(keys, w.verifier)
	}
	r.policy.keys = note.VerifierList(keys...)
	return r.policy, nil
}

// policyReader reads the lines of a policy.
type policyReader struct {
	policy  *Policy
	named   map[string]*member
	used    map[string]bool // members of a group
	keys    map[string]bool
	decided bool
}

var errFields = errors.New("it has too few or too many words")

func (r *policyReader) line(text string) error {
	if strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0 {
		return errors.New("it has a control character")
	}
	fields := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return nil
	}
	switch fields[0] {
	case "log":
		return r.log(fields[1:])
	case "witness":
		return r.witness(fields[1:])
	case "group":
		return r.group(fields[1:])
	case "quorum":
		return r.quorum(fields[1:])
	}
	return errors.New("it begins with none of log, witness, group and quorum")
}

// once reports a key that another line has already, under any name.
func (r *policyReader) once(kind, public string) error {
	key := kind + strings.SplitN(public, "+", 3)[2] // which may have a plus sign itself
	if r.keys[key] {
		return fmt.Errorf("an earlier %s has the same key", kind)
	}
	r.keys[key] = true
	return nil
}

func (r *policyReader) log(fields []string) error {
	if len(fields) < 1 || len(fields) > 2 {
		return errFields
	}
	v, err := note.NewVerifier(fields[0])
	if err != nil {
		return errors.New("the key is not a public key of a log, which is name+hash+key")
	}
	r.policy.logs = append(r.policy.logs, v)
	return r.once("log", fields[0])
}

func (r *policyReader) witness(fields []string) error {
	if len(fields) < 2 || len(fields) > 3 {
		return errFields
	}
	v, err := parseVerifier(fields[1])
	if err != nil {
		return err
	}
	w := policyWitness{verifier: v}
	if len(fields) == 3 {
		u, err := url.Parse(fields[2])
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("the URL is not an http or https URL without a user and a query")
		}
		w.url = strings.TrimSuffix(fields[2], "/")
	}
	r.policy.witnesses = append(r.policy.witnesses, w)
	if err := r.once("witness", fields[1]); err != nil {
		return err
	}
	return r.name(fields[0], &member{witness: v})
}

func (r *policyReader) group(fields []string) error {
	if len(fields) < 3 {
		return errFields
	}
	g := &member{}
	for _, name := range fields[2:] {
		m := r.named[name]
		if m == nil {
			return fmt.Errorf("no line before it defines %q", name)
		}
		if r.used[name] {
			return fmt.Errorf("%q is already in a group", name)
		}
		r.used[name] = true
		g.members = append(g.members, m)
	}
	switch fields[1] {
	case "any":
		g.needed = 1
	case "all":
		g.needed = len(g.members)
	default:
		n, err := strconv.Atoi(fields[1])
		if err != nil || n < 1 || n > len(g.members) || strconv.Itoa(n) != fields[1] {
			return fmt.Errorf("%q is not all, any, or how many of the %d members are needed", fields[1], len(g.members))
		}
		g.needed = n
	}
	return r.name(fields[0], g)
}

func (r *policyReader) name(name string, m *member) error {
	if name == "none" || r.named[name] != nil {
		return fmt.Errorf("the name %q is in use", name)
	}
	if len(r.named) == maxMembers {
		return fmt.Errorf("the policy has more than %d witnesses and groups", maxMembers)
	}
	r.named[name] = m
	return nil
}

func (r *policyReader) quorum(fields []string) error {
	if len(fields) != 1 {
		return errFields
	}
	if r.decided {
		return errors.New("there is more than one quorum")
	}
	r.decided = true
	if fields[0] == "none" {
		return nil
	}
	if r.policy.quorum = r.named[fields[0]]; r.policy.quorum == nil {
		return fmt.Errorf("no line before it defines %q", fields[0])
	}
	return nil
}

// Logs returns the public keys of logs in the policy. There may be none.
func (p *Policy) Logs() []note.Verifier { return slices.Clone(p.logs) }

// QuorumError reports that too few witnesses have cosigned a checkpoint.
type QuorumError struct {
	// Cosigned are the witnesses of the policy that have.
	Cosigned []Cosignature
	// Witnesses is how many the policy names.
	Witnesses int
}

// Error says how many have cosigned.
func (e *QuorumError) Error() string {
	return fmt.Sprintf("witness: %d of the %d witnesses of the policy have cosigned the checkpoint, which is not enough", len(e.Cosigned), e.Witnesses)
}

// Cosignatures returns the cosignatures of a checkpoint by witnesses of the policy. If they are too
// few, the error is a *QuorumError. Who has signed the checkpoint itself is not checked.
func (p *Policy) Cosignatures(checkpoint []byte) ([]Cosignature, error) {
	all, err := open(checkpoint, p.keys)
	if err != nil {
		return nil, fmt.Errorf("witness: the checkpoint: %w", err)
	}
	if p.quorum == nil || p.quorum.met(all) {
		return all, nil
	}
	return all, &QuorumError{Cosigned: all, Witnesses: len(p.witnesses)}
}

// Check reports whether enough witnesses have cosigned a checkpoint, see Cosignatures.
func (p *Policy) Check(checkpoint []byte) error {
	_, err := p.Cosignatures(checkpoint)
	return err
}

// met reports whether enough have cosigned.
func (m *member) met(all []Cosignature) bool {
	if m.witness != nil {
		return slices.ContainsFunc(all, func(c Cosignature) bool { return c.Witness == m.witness.name && c.id == m.witness.id })
	}
	n := 0
	for _, each := range m.members {
		if each.met(all) {
			n++
		}
	}
	return n >= m.needed
}
