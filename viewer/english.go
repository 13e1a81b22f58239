package viewer

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
)

// recoveryActor closes attempts that a crash interrupted: sdk.RecoveryActor.
const recoveryActor = "audit-recovery"

// englishSentences are those of standard actions.
var englishSentences = map[string]Sentence{
	semconv.ActionUserLogin: {
		Success: "{actor} logged in", Failure: "{actor} failed to log in", Denied: "{actor} was not allowed to log in",
		Unknown: "{actor} tried to log in", Begun: "{actor} began to log in",
	},
	semconv.ActionUserLogout: {Success: "{actor} logged out", Failure: "{actor} failed to log out", Unknown: "{actor} logged out"},
	semconv.ActionAccessDenied: {
		Denied: "{actor} was denied access to {route}", Failure: "{actor} was denied access to {route}", Unknown: "{actor} was denied access to {route}",
	},
	semconv.ActionCoverageMissing: {
		Success: "{actor} used {route}, which recorded nothing", Failure: "{actor} used {route}, which recorded nothing",
		Denied: "{actor} used {route}, which recorded nothing", Unknown: "{actor} used {route}, which recorded nothing",
	},
	semconv.ActionRejected: {
		Success: "{actor} did {metadata.audit.rejected.action}, whose record was rejected", Failure: "The record of {metadata.audit.rejected.action} by {actor} was rejected",
		Denied: "The record of {metadata.audit.rejected.action} by {actor} was rejected", Unknown: "The record of {metadata.audit.rejected.action} by {actor} was rejected",
	},
	semconv.ActionTrailRead: {
		Success: "{actor} looked at the trail", Failure: "{actor} failed to look at the trail", Denied: "{actor} was not allowed to look at the trail",
	},
	semconv.ActionTrailExport: {
		Success: "{actor} exported the trail", Failure: "{actor} failed to export the trail", Denied: "{actor} was not allowed to export the trail",
		Unknown: "{actor} may have exported the trail", Begun: "{actor} began to export the trail",
	},
	semconv.ActionTrailImport: {
		Success: "{actor} imported {target}", Failure: "{actor} failed to import all of {target}", Unknown: "{actor} may have imported {target}",
		Begun: "{actor} began to import {target}",
	},
	semconv.ActionEpochOpen:  {Success: "{actor} began to count the events of a process"},
	semconv.ActionEpochCount: {Success: "{actor} counted the events of a process"},
	semconv.ActionEpochClose: {Success: "{actor} counted the events of a process, which then stopped"},
	semconv.ActionDeadLetterDrop: {
		Success: "{actor} gave up {metadata.audit.trail.records} of the dead letters of {target}", Failure: "{actor} failed to give up dead letters of {target}",
		Denied: "{actor} was not allowed to give up dead letters of {target}", Unknown: "{actor} may have given up dead letters of {target}",
		Begun: "{actor} began to give up {metadata.audit.trail.records} of the dead letters of {target}",
	},
	semconv.ActionCursorRemove: {
		Success: "{actor} stopped keeping records for {target}", Failure: "{actor} failed to stop keeping records for {target}",
		Denied: "{actor} was not allowed to stop keeping records for {target}", Unknown: "{actor} may have stopped keeping records for {target}",
		Begun: "{actor} began to stop keeping records for {target}",
	},
	semconv.ActionLedgerRepair: {
		Success: "{actor} repaired a damaged ledger", Failure: "{actor} failed to repair a damaged ledger",
		Denied: "{actor} was not allowed to repair a damaged ledger", Unknown: "{actor} may have repaired a damaged ledger",
		Begun: "{actor} began to repair a damaged ledger",
	},
	semconv.ActionSealAdopt: {Success: "{actor} accepted a restored ledger", Failure: "{actor} failed to accept a restored ledger"},
	semconv.ActionUnitCommit: {
		Success: "{actor} committed a transaction", Failure: "{actor} rolled a transaction back", Unknown: "{actor} may have committed a transaction",
		Begun: "{actor} began a transaction",
	},
}

// englishSentence makes sentences of the words of an action, such as "published" of
// article.publish. If no word is a verb that it knows, they are empty.
func englishSentence(r *record.Record) Sentence {
	if r.Actor.Type == audit.ActorSystem && r.Actor.ID == recoveryActor {
		return Sentence{Unknown: "{actor} closed an attempt that a crash interrupted: {action} {target}"}
	}
	if s, ok := englishSentences[r.Action]; ok {
		if r.Action == semconv.ActionUserLogin && r.Actor.ID == "" && r.Target.ID != "" { // the account is the target
			s.Failure, s.Denied, s.Unknown = s.Failure+" as {target}", s.Denied+" as {target}", s.Unknown+" as {target}"
		}
		return s.without(r)
	}
	segments := strings.Split(r.Action, ".")
	words := strings.Split(segments[len(segments)-1], "_")
	verb, rest := verbOf(words)
	if verb == "" {
		return Sentence{}
	}
	object := "{target}"
	switch {
	case rest != "" && r.Target.ID != "":
		object = rest + " " + prepositionOf(verb) + " {target}"
	case rest != "" && r.Target.Type == "" && r.Bulk.IsZero():
		object = rest
	case r.Target.Type == "" && r.Bulk.IsZero() && len(segments) > 1:
		object = spaced(segments[len(segments)-2])
	case r.Target.ID == "" && r.Bulk.IsZero():
		object = spaced(r.Target.Type)
	}
	past, participle := pastOf(verb)
	if r.Operation == audit.OperationRead && verb == "read" {
		past, participle, verb = "viewed", "viewed", "view"
	}
	return Sentence{
		Success: "{actor} " + past + " " + object,
		Failure: "{actor} failed to " + verb + " " + object,
		Denied:  "{actor} was not allowed to " + verb + " " + object,
		Unknown: "{actor} may have " + participle + " " + object,
		Begun:   "{actor} began to " + verb + " " + object,
	}
}

// without returns the sentence without placeholders for what the record does not have, or does not
// show to everybody.
func (s Sentence) without(r *record.Record) Sentence {
	thing := "something"
	if r.Action == semconv.ActionAccessDenied && r.Target.Type != "" {
		thing = "{target}"
	}
	if routeOf(r) == "" {
		s = s.replace("{route}", thing)
	}
	if metadataText(r, semconv.RejectedActionKey) == "" {
		s = s.replace("{"+metadataPlaceholder+string(semconv.RejectedActionKey)+"}", thing)
	}
	return s
}

func (s Sentence) replace(before, after string) Sentence {
	for _, text := range []*string{&s.Success, &s.Failure, &s.Denied, &s.Unknown, &s.Begun} {
		*text = strings.ReplaceAll(*text, before, after)
	}
	return s
}

// verbOf finds the verb among the words: the first, as in send_reminder, or the last, as in
// role_grant. rest are the others.
func verbOf(words []string) (verb, rest string) {
	n := len(words)
	switch {
	case slices.Contains(verbs, words[0]):
		return words[0], strings.Join(words[1:], " ")
	case slices.Contains(verbs, words[n-1]):
		return words[n-1], strings.Join(words[:n-1], " ")
	}
	return "", ""
}

var verbs = strings.Fields("accept access acknowledge activate add adopt allow amend anonymize apply approve archive assign attach authorize " +
	"backup ban begin block book call cancel capture change charge check checkout clear clone close commit complete confirm connect convert copy correct " +
	"create credit deactivate debit decline delegate delete deliver demote deploy detach disable discard disclose disconnect dispatch download draft " +
	"edit enable enroll erase escalate exclude execute expire export extend fail fetch fill finish flag forward freeze generate give grant hide hold " +
	"impersonate import include increase initiate insert install invalidate invite invoke issue join leave lift like link list load lock login logout " +
	"mark merge migrate modify move mute notify open order override pause pay pin place post prescribe print process promote propose publish purge " +
	"read reactivate reassign receive reconcile redeem refund refuse register reject release remind remove rename renew reopen reorder replace " +
	"replay reply report request reschedule resend reset resolve restart restore resume retire retry return review revoke rollback rotate run " +
	"save schedule search select send set settle share ship sign simulate skip split start stop store submit subscribe suspend sync take terminate " +
	"transfer trigger unarchive unassign unban unblock unfreeze uninstall unlink unlock unpublish unshare unsubscribe update upgrade upload use " +
	"validate verify view void vote waive withdraw withhold write")

// irregular are the past tense and the participle of verbs that do not end in -ed.
var irregular = map[string][2]string{
	"backup": {"backed up", "backed up"}, "begin": {"began", "begun"}, "checkout": {"checked out", "checked out"}, "freeze": {"froze", "frozen"},
	"give": {"gave", "given"}, "hide": {"hid", "hidden"}, "hold": {"held", "held"}, "leave": {"left", "left"}, "login": {"logged in", "logged in"},
	"logout": {"logged out", "logged out"}, "override": {"overrode", "overridden"}, "pay": {"paid", "paid"}, "read": {"read", "read"},
	"resend": {"resent", "resent"}, "reset": {"reset", "reset"}, "rollback": {"rolled back", "rolled back"}, "run": {"ran", "run"},
	"send": {"sent", "sent"}, "set": {"set", "set"}, "split": {"split", "split"}, "take": {"took", "taken"}, "unfreeze": {"unfroze", "unfrozen"},
	"withdraw": {"withdrew", "withdrawn"}, "withhold": {"withheld", "withheld"}, "write": {"wrote", "written"},
}

// doubled are verbs whose last letter is doubled before -ed.
var doubled = strings.Fields("ban commit pin ship skip stop submit transfer unban")

// pastOf returns the past tense and the participle of a verb.
func pastOf(verb string) (past, participle string) {
	if forms, ok := irregular[verb]; ok {
		return forms[0], forms[1]
	}
	n := len(verb)
	switch {
	case slices.Contains(doubled, verb):
		past = verb + verb[n-1:] + "ed"
	case verb[n-1] == 'e':
		past = verb + "d"
	case endsInConsonantY(verb):
		past = verb[:n-1] + "ied"
	default:
		past = verb + "ed"
	}
	return past, past
}

func endsInConsonantY(word string) bool {
	n := len(word)
	return n > 1 && word[n-1] == 'y' && !strings.ContainsRune("aeiou", rune(word[n-2]))
}

// plural returns the plural of a noun. One in -s is taken for a plural.
func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "ss"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	case strings.HasSuffix(noun, "s"):
		return noun
	case endsInConsonantY(noun):
		return noun[:len(noun)-1] + "ies"
	}
	return noun + "s"
}

// prepositionOf returns the word between the object of a verb and the target.
func prepositionOf(verb string) string {
	switch verb {
	case "add", "assign", "give", "grant", "send", "attach", "apply", "link", "issue", "resend", "deliver":
		return "to"
	case "remove", "revoke", "detach", "unlink", "withdraw", "unassign":
		return "from"
	case "change", "update", "reset", "rotate", "set", "edit", "verify", "view", "read", "approve", "check":
		return "of"
	}
	return "for"
}
