package index

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
)

// form is what the canonical JSON of a value must be.
type form uint8

const (
	textForm form = iota // that is not empty
	anyTextForm
	actionForm
	actorTypeForm
	attributesForm
	kindForm
	marksForm
	operationForm
	outcomeForm
	textsForm
	trackerForm
	trueForm
	valueForm
)

// forms are the forms of terms that are not any text.
var forms = [fields]form{
	Action: actionForm, ActorType: actorTypeForm, Changed: anyTextForm, Kind: kindForm, Operation: operationForm, Outcome: outcomeForm,
}

// matches reports whether JSON has the form. It may report false for rare values.
func (f form) matches(json []byte) bool {
	if (f == textForm || f == valueForm) && isPlainText(json) {
		return true // as most are
	}
	s := canonical.NewScanner(string(json))
	switch f {
	case textForm:
		s.Text()
	case anyTextForm:
		s.AnyText()
	case actionForm:
		s.Action()
	case actorTypeForm:
		canonical.ScanWord(&s, audit.ActorNone+1)
	case attributesForm:
		s.Attributes()
	case kindForm:
		canonical.ScanWord(&s, audit.KindIntent)
	case marksForm:
		s.Marks()
	case operationForm:
		canonical.ScanWord(&s, audit.OperationUnspecified+1)
	case outcomeForm:
		canonical.ScanWord(&s, audit.OutcomeUnknown)
	case textsForm:
		s.Texts()
	case trackerForm:
		s.Tracker()
	case trueForm:
		s.Need("true")
	default: // valueForm
		s.Value()
	}
	return !s.Failed() && s.AtEnd()
}
