// Package unit tests units of work with databases: SQLite, and PostgreSQL if it is installed. The
// server is one that the tests start, or that of the variable POSTGRES_URI if it is set.
package unit
