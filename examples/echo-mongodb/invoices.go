package main

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// invoice opts its fields in to the trail by struct tags. The account is sensitive: the trail
// records that it was set or changed, but not its value.
type invoice struct {
	ID      bson.ObjectID `bson:"_id"`
	Amount  int64         `bson:"amount" audit:"amount"` // in cents
	Account string        `bson:"account" audit:"account,sensitive"`
	Status  string        `bson:"status" audit:"status"`
}

// The statuses of an invoice.
const (
	open     = "open"
	approved = "approved"
	archived = "archived"
)

func (i invoice) target() audit.Target { return audit.Target{Type: "invoice", ID: i.ID.Hex()} }

// invoices is the data layer. It does not know about the audit trail.
type invoices struct{ collection *mongo.Collection }

func (s *invoices) create(ctx context.Context, amount int64, account string) (invoice, error) {
	i := invoice{ID: bson.NewObjectID(), Amount: amount, Account: account, Status: open}
	_, err := s.collection.InsertOne(ctx, i)
	return i, err
}

// setAmount changes the amount. It reads the previous invoice in the same atomic operation,
// so before is what the write replaced.
func (s *invoices) setAmount(ctx context.Context, id string, amount int64) (before, after invoice, err error) {
	filter, err := filterOf(id)
	if err != nil {
		return before, after, err
	}
	update := bson.D{{Key: "$set", Value: bson.D{{Key: "amount", Value: amount}}}}
	found := s.collection.FindOneAndUpdate(ctx, filter, update, options.FindOneAndUpdate().SetReturnDocument(options.Before))
	if err := found.Decode(&before); err != nil {
		return before, after, httpError(err)
	}
	after = before
	after.Amount = amount
	return before, after, nil
}

// approve returns echo.ErrNotFound for an invoice that is not open: none is approved twice.
func (s *invoices) approve(ctx context.Context, id string) error {
	filter, err := filterOf(id)
	if err != nil {
		return err
	}
	result, err := s.collection.UpdateOne(ctx, append(filter, bson.E{Key: "status", Value: open}), setStatus(approved))
	if err != nil {
		return err
	}
	if result.MatchedCount == 0 {
		return echo.ErrNotFound
	}
	return nil
}

func (s *invoices) remove(ctx context.Context, id string) error {
	filter, err := filterOf(id)
	if err != nil {
		return err
	}
	result, err := s.collection.DeleteOne(ctx, filter)
	if err != nil {
		return err
	}
	if result.DeletedCount == 0 {
		return echo.ErrNotFound
	}
	return nil
}

// archive sets the status of all approved invoices to archived, and returns their number.
func (s *invoices) archive(ctx context.Context) (int64, error) {
	result, err := s.collection.UpdateMany(ctx, bson.D{{Key: "status", Value: approved}}, setStatus(archived))
	if err != nil {
		return 0, err
	}
	return result.MatchedCount, nil
}

func setStatus(status string) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{{Key: "status", Value: status}}}}
}

func filterOf(id string) (bson.D, error) {
	oid, err := bson.ObjectIDFromHex(id)
	if err != nil {
		return nil, echo.ErrNotFound
	}
	return bson.D{{Key: "_id", Value: oid}}, nil
}

func httpError(err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return echo.ErrNotFound
	}
	return err
}
