package auditmongo

import (
	"errors"
	"fmt"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// Collection selects a collection whose writes raise signals.
type Collection struct {
	// Database is the name of the database. Empty means any database that no other
	// Collection of the same Name specifies.
	Database string
	// Name is the name of the collection. It is required.
	Name string
	// TargetType is the type of the signals' target and the first word of their action:
	// "article" yields "article.create", "article.update" and "article.delete". Use
	// lowercase letters, digits and underscores, with a letter first; these actions must
	// be valid after record.NormalizeAction. It is required.
	TargetType string
	// Fields has the rules of the fields whose new values are recorded, by path, such as
	// "title" or "author.email". A rule also applies to everything below its path,
	// except where a rule there is stricter. Elements of an array have the path of the
	// array, and a name with dots is matched as if it were nested. Fields without a rule
	// are not recorded.
	Fields map[string]audit.FieldRule
}

// collection is a validated Collection with its counters.
type collection struct {
	database, name string
	targetType     string
	fields         *fieldRules
	counters       counters
	logUntracked   sync.Once
}

// operations lists the operations that a signal can have.
var operations = [...]audit.Operation{audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete}

func newCollections(configs []Collection) ([]*collection, error) {
	if len(configs) == 0 {
		return nil, errors.New("no collections; pass at least one Collection")
	}
	type key struct{ database, name string }
	seen := make(map[key]bool, len(configs))
	collections := make([]*collection, 0, len(configs))
	var errs []error
	for i, config := range configs {
		c, err := newCollection(config)
		if k := (key{config.Database, config.Name}); seen[k] {
			err = errors.Join(err, errors.New("duplicate Database and Name"))
		} else {
			seen[k] = true
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("collection %d, %q: %w", i, config.Name, err))
		}
		collections = append(collections, c)
	}
	return collections, errors.Join(errs...)
}

func newCollection(config Collection) (*collection, error) {
	var errs []error
	if config.Name == "" {
		errs = append(errs, errors.New("the name is empty"))
	}
	for _, op := range operations {
		if action := actionOf(config.TargetType, op); !record.ValidAction(record.NormalizeAction(action)) {
			errs = append(errs, fmt.Errorf("TargetType %q yields the invalid action %q; use a word such as \"article\"", config.TargetType, action))
			break
		}
	}
	fields, err := newFieldRules(config.Fields)
	errs = append(errs, err)
	return &collection{
		database: config.Database, name: config.Name, targetType: config.TargetType, fields: fields,
	}, errors.Join(errs...)
}

func actionOf(targetType string, op audit.Operation) string { return targetType + "." + op.String() }
