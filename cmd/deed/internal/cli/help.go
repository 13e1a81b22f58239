package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the widest that help is written.
const helpWidth = 100

// help prints the help of a command, as wide as the terminal.
func (a *app) help(cmd *cobra.Command) {
	width := helpWidth
	if a.forPeople() {
		width = min(helpWidth, a.width())
	}
	_, _ = fmt.Fprint(a.stdout, helpText(cmd, width)) // there is nobody else to tell
}

func helpText(cmd *cobra.Command, width int) string {
	var b strings.Builder
	b.WriteString(wrap(cmp.Or(cmd.Long, cmd.Short), width, ""))
	b.WriteString("\nUsage:\n  " + usageLine(cmd) + "\n")
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n")
		for line := range strings.Lines(cmd.Example) {
			b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	if rows := commandRows(cmd); len(rows) > 0 {
		b.WriteString("\nCommands:\n")
		writeRows(&b, rows, width)
	}
	for _, g := range flagGroups(cmd) {
		b.WriteString("\n" + g.title + ":\n")
		writeRows(&b, g.rows, width)
	}
	return b.String()
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	path := cmd.Use
	if cmd.HasParent() {
		path = cmd.Parent().CommandPath() + " " + cmd.Use
	}
	return path + " [FLAGS]"
}

func commandRows(cmd *cobra.Command) (rows [][2]string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			rows = append(rows, [2]string{sub.Name(), sub.Short})
		}
	}
	return rows
}

type flagGroup struct {
	title string
	rows  [][2]string
}

// groupOrder is the order of the groups.
var groupOrder = []string{groupWho, groupWhat, groupWhen, groupWhere, groupWhy, groupMore, groupOutput, "Flags", "All commands"}

func flagGroups(cmd *cobra.Command) (groups []flagGroup) {
	byTitle := map[string]*flagGroup{}
	add := func(title string, f *pflag.Flag) {
		if f.Hidden || ignores(cmd, f.Name) {
			return
		}
		g := byTitle[title]
		if g == nil {
			g = &flagGroup{title: title}
			byTitle[title] = g
		}
		g.rows = append(g.rows, flagRow(f))
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		title := "Flags"
		switch names := f.Annotations[groupAnnotation]; {
		case len(names) > 0:
			title = names[0]
		case cmd.PersistentFlags().Lookup(f.Name) != nil:
			title = "All commands"
		}
		add(title, f)
	})
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { add("All commands", f) })
	for _, title := range groupOrder {
		if g := byTitle[title]; g != nil {
			groups = append(groups, *g)
		}
	}
	return groups
}

func flagRow(f *pflag.Flag) [2]string {
	placeholder, usage := pflag.UnquoteUsage(f)
	left := "--" + f.Name
	if f.Shorthand != "" {
		left = "-" + f.Shorthand + ", " + left
	}
	if placeholder != "" {
		left += " " + placeholder
	}
	return [2]string{left, strings.TrimPrefix(usage, placeholder+": ")}
}

// leftWidth is the widest that the left column of a list becomes.
const leftWidth = 26

func writeRows(b *strings.Builder, rows [][2]string, width int) {
	left := 0
	for _, row := range rows {
		left = max(left, min(len(row[0]), leftWidth))
	}
	indent := strings.Repeat(" ", left+4)
	for _, row := range rows {
		text := wrap(row[1], width, indent)
		if len(row[0]) <= left {
			text = "  " + row[0] + text[2+len(row[0]):]
		} else {
			text = "  " + row[0] + "\n" + text
		}
		b.WriteString(text)
	}
}

// wrap breaks the lines of a text between words, and indents them.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	for paragraph := range strings.Lines(text) {
		line := indent
		for word := range strings.FieldsSeq(paragraph) {
			if len(line) > len(indent) && len(line)+1+len(word) > width {
				b.WriteString(line + "\n")
				line = indent
			}
			if len(line) > len(indent) {
				line += " "
			}
			line += word
		}
		if strings.TrimSpace(line) == "" {
			line = ""
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// subcommands returns the command and all below it, in order.
func subcommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	subs := slices.Clone(cmd.Commands())
	slices.SortFunc(subs, func(a, b *cobra.Command) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, sub := range subs {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			all = append(all, subcommands(sub)...)
		}
	}
	return all
}
