package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// manName is the name of a command's page, such as deed-ledger-copy.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the manual page of a command, from what its help says.
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"deed\" \"OpenDeed Audit\"\n", manText(strings.ToUpper(manName(cmd))))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", manText(manName(cmd)), manText(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", manText(usageLine(cmd)))
	b.WriteString(".SH DESCRIPTION\n")
	for paragraph := range strings.Lines(cmp.Or(cmd.Long, cmd.Short)) {
		if paragraph = strings.TrimSpace(paragraph); paragraph == "" {
			b.WriteString(".PP\n")
		} else {
			b.WriteString(manText(paragraph) + "\n.br\n")
		}
	}
	if rows := commandRows(cmd); len(rows) > 0 {
		b.WriteString(".SH COMMANDS\n")
		manRows(&b, rows)
	}
	for _, g := range flagGroups(cmd) {
		fmt.Fprintf(&b, ".SH %s\n", manText(strings.ToUpper(g.title)))
		manRows(&b, g.rows)
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", manText(cmd.Example))
	}
	fmt.Fprintf(&b, ".SH EXIT STATUS\n%s.\n", manText(exitCodes))
	if cmd.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", manText(manName(cmd.Parent())))
	}
	return b.String()
}

func manRows(b *strings.Builder, rows [][2]string) {
	for _, row := range rows {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", manText(row[0]), manText(row[1]))
	}
}

// manText escapes a text for roff.
func manText(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
