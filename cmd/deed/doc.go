// Deed asks an audit trail: who did what, when, where and why.
//
//	deed query --actor user/42 --since 24h
//	deed history article/1001
//	deed export --tenant acme --on 2026-11 --format csv --out november.csv
//
// It reads ledgers, also beside the process that writes them, MongoDB collections, and the
// stores that a configuration file names. docs/deed.md describes every command, and so
// does deed help; testdata/script has an example of each, which is tested.
//
// The packages below internal hold its parts: cli has a file for each command, source
// opens what the flag --from names, when reads times, term knows the terminal, and render
// writes records as a table, CSV or JSON.
package main
