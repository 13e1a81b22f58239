package audit

import (
	"strconv"
	"testing"
	"time"
)

func BenchmarkDiff(b *testing.B) {
	type invoice struct {
		Number   string            `audit:"number"`
		Total    int64             `audit:"total"`
		Paid     bool              `audit:"paid"`
		Due      time.Time         `audit:"due"`
		IBAN     string            `audit:"iban,sensitive"`
		Address  address           `audit:"address"`
		Reviewer *author           `audit:"reviewer"`
		Tags     []string          `audit:"tags"`
		Labels   map[string]string `audit:"labels"`
		Lines    []line            `audit:"lines"`
		Internal [8]string
	}
	before := invoice{
		Number: "2026-001", Total: 100, Due: time.Unix(0, 0), IBAN: "a", Address: address{"Main", "Berlin", ""},
		Reviewer: &author{"Alice"}, Tags: []string{"a", "b"}, Labels: map[string]string{"a": "b", "c": "d"},
		Lines: []line{{"A", 1, ""}, {"B", 2, ""}, {"C", 3, ""}},
	}
	after := before
	after.Total, after.Address.City, after.IBAN, after.Reviewer = 200, "Paris", "b", &author{"Bob"}
	after.Lines = []line{{"A", 1, ""}, {"B", 3, ""}, {"C", 3, ""}}

	run := func(name string, before, after invoice) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Diff(before, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("unchanged", before, before)
	run("changed", before, after)

	b.Run("map", func(b *testing.B) {
		option := WithFields(rules{"title": FieldTracked, "address": FieldTracked})
		before := map[string]any{"title": "a", "body": "b", "address": map[string]any{"city": "Berlin", "street": "Main"}}
		after := map[string]any{"title": "b", "body": "c", "address": map[string]any{"city": "Paris", "street": "Main"}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Diff(before, after, option); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{1_000, 10_000} {
		b.Run("lines="+strconv.Itoa(n), func(b *testing.B) {
			before, after := make([]line, n), make([]line, n)
			for i := range n {
				before[i] = line{SKU: strconv.Itoa(i), Price: i}
				after[n-1-i] = before[i]
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Diff(before, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
