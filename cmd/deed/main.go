package main

import (
	"os"
	_ "time/tzdata" // for --zone where the system has no zones

	"github.com/opendeed/audit/cmd/deed/internal/cli"
)

func main() { os.Exit(cli.Main()) }
