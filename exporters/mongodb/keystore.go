package mongodb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// KeyStore is an erasure.KeyStore in a collection, which should be in another database than the
// records, with other users and other backups. It needs no index. It is safe for concurrent use.
//
// Each key is a document. Destroy removes the secret from it and keeps the rest, so that the
// subject never gets another key. The server may have the secret in its journal, its oplog and its
// data files until they are overwritten, and in backups: encrypt its disks.
type KeyStore struct {
	collection *mongo.Collection

	mu     sync.Mutex
	secret []byte // of the IDs of keys; nil until it was read
}

var _ erasure.KeyStore = (*KeyStore)(nil)

// NewKeyStore returns the key store in a collection. It reads from the primary what a majority
// has, and a write is journaled by a majority, whatever the collection says. It asks no server.
func NewKeyStore(coll *mongo.Collection) *KeyStore {
	journal := true
	return &KeyStore{collection: coll.Clone(options.Collection().
		SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}))}
}

// storeID is the ID of the document with the secret of the IDs of keys.
const storeID = "store"

// storeDocument is that document.
type storeDocument struct {
	ID         string `bson:"_id,omitempty"`
	NameSecret []byte `bson:"name_secret"`
}

// keyDocument is the document of a key. Its ID is that of the key.
type keyDocument struct {
	ID      string    `bson:"_id,omitempty"`
	Tenant  string    `bson:"tenant"`
	Type    string    `bson:"type"`
	Subject string    `bson:"subject"`
	Secret  []byte    `bson:"secret,omitempty"`
	Created time.Time `bson:"created"`
	Erased  time.Time `bson:"erased,omitempty"`
}

// Key returns the key of a subject, as erasure.KeyStore describes.
func (s *KeyStore) Key(ctx context.Context, subject erasure.Subject) (*erasure.Key, error) {
	id, err := s.idOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	created := keyDocument{
		Tenant: subject.Tenant, Type: subject.Type, Subject: subject.ID,
		Secret: erasure.NewSecret(), Created: time.Now().UTC(),
	}
	var stored keyDocument
	if err := s.insert(ctx, id.String(), created, &stored); err != nil {
		return nil, err
	}
	k, err := stored.key(id)
	return requireOf(subject, k, err)
}

// insertPause is how long insert waits for what another process has inserted.
const insertPause = 10 * time.Millisecond

// insert stores a document unless there is one with its ID, and reads that one.
func (s *KeyStore) insert(ctx context.Context, id string, document, stored any) error {
	ctx = audit.SuppressSignals(OutsideTransaction(ctx))
	filter := bson.D{{Key: "_id", Value: id}}
	opts := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
	update := bson.D{{Key: "$setOnInsert", Value: document}}
	for {
		err := s.collection.FindOneAndUpdate(ctx, filter, update, opts).Decode(stored)
		if mongo.IsDuplicateKeyError(err) { // another process has just made it
			err = s.collection.FindOne(ctx, filter).Decode(stored)
			if errors.Is(err, mongo.ErrNoDocuments) { // its insert is not in the majority yet
				select {
				case <-ctx.Done():
				case <-time.After(insertPause):
					continue
				}
			}
		}
		return keyError(ctx, err)
	}
}

// Existing returns the key of a subject, as erasure.KeyStore describes.
func (s *KeyStore) Existing(ctx context.Context, subject erasure.Subject) (*erasure.Key, error) {
	id, err := s.idOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	k, err := s.Find(ctx, id)
	return requireOf(subject, k, err)
}

// Find returns the key with an ID, as erasure.KeyStore describes.
func (s *KeyStore) Find(ctx context.Context, id erasure.KeyID) (*erasure.Key, error) {
	var stored keyDocument
	ctx = audit.SuppressSignals(OutsideTransaction(ctx))
	err := s.collection.FindOne(ctx, bson.D{{Key: "_id", Value: id.String()}}).Decode(&stored)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, erasure.ErrNoKey
	}
	if err != nil {
		return nil, keyError(ctx, err)
	}
	return stored.key(id)
}

// Destroy destroys the key of a subject, as erasure.KeyStore describes.
func (s *KeyStore) Destroy(ctx context.Context, subject erasure.Subject) error {
	id, err := s.idOf(ctx, subject)
	if err != nil {
		return err
	}
	filter := bson.D{{Key: "_id", Value: id.String()}, {Key: "erased", Value: bson.D{{Key: "$exists", Value: false}}}}
	update := bson.D{
		{Key: "$set", Value: bson.D{{Key: "erased", Value: time.Now().UTC()}}},
		{Key: "$unset", Value: bson.D{{Key: "secret", Value: ""}}},
	}
	result, err := s.collection.UpdateOne(audit.SuppressSignals(OutsideTransaction(ctx)), filter, update)
	if err != nil {
		return keyError(ctx, err)
	}
	if result.MatchedCount == 1 {
		return nil
	}
	_, err = s.Find(ctx, id)
	if _, erased := errors.AsType[*erasure.ErasedError](err); erased {
		return nil
	}
	return err
}

// idOf returns the ID of the key of a subject.
func (s *KeyStore) idOf(ctx context.Context, subject erasure.Subject) (id erasure.KeyID, err error) {
	if !subject.Valid() {
		return id, errors.New("mongodb: the subject is not valid; it has a type and an ID")
	}
	s.mu.Lock()
	secret := s.secret
	s.mu.Unlock()
	if secret == nil {
		var stored storeDocument
		if err := s.insert(ctx, storeID, storeDocument{NameSecret: erasure.NewSecret()}, &stored); err != nil {
			return id, err
		}
		if len(stored.NameSecret) != erasure.SecretSize {
			return id, errors.New("mongodb: the document store of the key store is damaged; restore it")
		}
		secret = stored.NameSecret
		s.mu.Lock()
		s.secret = secret
		s.mu.Unlock()
	}
	return erasure.NewKeyID(secret, subject), nil
}

// key returns the key of a document, or the error that it was destroyed.
func (d *keyDocument) key(id erasure.KeyID) (*erasure.Key, error) {
	if !d.Erased.IsZero() {
		return nil, &erasure.ErasedError{ID: id, Time: d.Erased}
	}
	k, err := erasure.NewKey(id, erasure.Subject{Tenant: d.Tenant, Type: d.Type, ID: d.Subject}, d.Secret)
	if err != nil {
		return nil, errDamagedKey(id)
	}
	return k, nil
}

// requireOf returns the key, or an error if it is that of another subject.
func requireOf(subject erasure.Subject, k *erasure.Key, err error) (*erasure.Key, error) {
	if err == nil && k.Subject() != subject {
		return nil, errDamagedKey(k.ID())
	}
	return k, err
}

func errDamagedKey(id erasure.KeyID) error {
	return fmt.Errorf("mongodb: the document of key %s is damaged; restore it", id)
}

// keyError wraps an error of the driver, whose text may have values.
func keyError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("mongodb: the key store failed: %w", findError(ctx, err))
}
