// Package unit tests units of work with databases: SQLite always, and the PostgreSQL in the
// variable POSTGRES_URI if it is set.
package unit
