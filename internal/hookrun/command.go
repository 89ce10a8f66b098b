package hookrun

import (
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/site"
)

// A Command is what the command line of a hook says.
type Command struct {
	site.Site
	Agent string
	Event string // "" where the payload names it
	Guard bool   // refuse settings that switch hooks off
	NoEnv bool   // heed nothing of the environment that says where or what to record
	// strange are arguments that nothing is known of: settings that a later etch
	// has written may have them.
	strange []string
}

// Parse reads the arguments of a hook, and reports whether they are such: those that
// name no agent, or ask for help, are not. What names an agent is a hook's, whatever
// else there is: wrong use ends with exit code 2, which agents take for a refusal.
func Parse(args []string) (Command, bool) {
	var c Command
	var words []string
	for ; len(args) > 0; args = args[1:] {
		name, value, given := strings.Cut(args[0], "=")
		var to *string
		switch name {
		case "--log":
			to = &c.Log
		case "--config":
			to = &c.Config
		case "--guard":
			c.Guard = value != "false"
			continue
		case "--no-env":
			c.NoEnv = value != "false"
			continue
		case "-h", "--help":
			return c, false
		default:
			if strings.HasPrefix(name, "-") {
				c.strange = append(c.strange, args[0])
			} else {
				words = append(words, args[0])
			}
			continue
		}
		if !given {
			if len(args) == 1 {
				c.strange = append(c.strange, args[0])
				continue
			}
			value, args = args[1], args[1:]
		}
		*to = value
	}
	return c, c.Name(words)
}

// Name takes the words of the command line, and reports whether they are a
// hook's. A word before an agent's name may be the value of a flag that is not
// known.
func (c *Command) Name(words []string) bool {
	if len(words) == 0 {
		return false
	}
	at := slices.IndexFunc(words, func(word string) bool { return AgentNamed(word) != nil })
	at = max(at, 0)
	c.strange = append(c.strange, words[:at]...)
	c.Agent, words = words[at], words[at+1:]
	if len(words) > 0 {
		c.Event, words = words[0], words[1:]
	}
	c.strange = append(c.strange, words...)
	return true
}
