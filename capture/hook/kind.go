package hook

import "strings"

// A Kind says what an agent's event tells.
type Kind uint8

// The kinds of events.
const (
	UnknownEvent      Kind = iota // nothing that is known: recorded as it is
	SilentEvent                   // nothing that a log of actions needs
	AttemptEvent                  // a call is about to run, and may be refused
	ResultEvent                   // a call ran to its end, or failed: its response tells
	FailureEvent                  // a call failed
	BatchEvent                    // all calls of one step of the model are over
	PermissionEvent               // somebody is asked whether a call may run
	DeniedEvent                   // a call was refused
	PromptEvent                   // a person, or what stands for one, said something
	StartEvent                    // a session begins or goes on
	EndEvent                      // a session ends
	StopEvent                     // a turn is over
	InterruptEvent                // a turn was cut off
	SubagentStart                 // a sub-agent begins
	SubagentStop                  // a sub-agent is done
	ConfigEvent                   // the agent's settings changed
	ChangeEvent                   // something else changed that decides what calls may do
	LoadEvent                     // the agent read instructions from a file
	FileEvent                     // a file changed, by whomever
	ElicitEvent                   // an MCP server asks a person
	ElicitResultEvent             // and this is the answer
)

// foldEvent writes an event's name as all agents' names can be compared: in
// small letters and digits alone.
func foldEvent(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// kindOfEvent knows the events of all agents by their folded names: those that
// several agents have mean the same for all of them.
func kindOfEvent(folded string) Kind {
	switch folded {
	case "pretooluse", "beforetool", "toolexecutebefore":
		return AttemptEvent
	case "posttooluse", "aftertool", "toolexecuteafter":
		return ResultEvent
	case "posttoolusefailure":
		return FailureEvent
	case "posttoolbatch":
		return BatchEvent
	case "permissionrequest", "permissionask":
		return PermissionEvent
	case "permissiondenied":
		return DeniedEvent
	case "userpromptsubmit", "userpromptsubmitted", "beforeagent", "beforesubmitprompt", "chatmessage", "preuserprompt":
		return PromptEvent
	case "sessionstart", "sessioncreated":
		return StartEvent
	case "sessionend", "sessiondeleted", "sessiondelete":
		return EndEvent
	case "stop", "afteragent", "agentstop", "sessionidle", "stopfailure", "postcascaderesponse":
		return StopEvent
	case "interrupt":
		return InterruptEvent
	case "subagentstart":
		return SubagentStart
	case "subagentstop":
		return SubagentStop
	case "configchange":
		return ConfigEvent
	case "setup", "cwdchanged", "directoryadded", "worktreecreate", "worktreeremove", "postmodelswitch":
		return ChangeEvent
	case "instructionsloaded":
		return LoadEvent
	case "filechanged":
		return FileEvent
	case "elicitation":
		return ElicitEvent
	case "elicitationresult":
		return ElicitResultEvent
	case "notification", "messagedisplay", "userpromptexpansion", "precompact", "postcompact", "precompress", "premodelswitch",
		"premodelrequest", "postmodelrequest", "beforemodel", "aftermodel", "beforetoolselection", "teammateidle", "taskcreated",
		"taskcompleted", "erroroccurred", "afteragentresponse", "afteragentthought", "shellenv", "commandexecutebefore",
		"experimentalsessioncompacting", "init":
		return SilentEvent
	}
	return UnknownEvent
}

// stops reports whether an event of that kind is one whose refusal would keep
// the agent from ending its turn, for some agents for ever.
func (k Kind) stops() bool {
	return k == StopEvent || k == SubagentStop || k == EndEvent || k == InterruptEvent
}
