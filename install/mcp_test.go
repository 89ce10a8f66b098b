package install

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clients are configurations as their clients write them, and what they are with
// /bin/etch before every server.
var clients = []struct{ name, before, want string }{
	{
		".mcp.json", `{
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": [
        "-y",
        "@modelcontextprotocol/server-filesystem",
        "/srv"
      ],
      "env": { "A": "b" }
    },
    "plain": { "command": "/opt/my server" },
    "none": {"command":"x","args":[]},
    "remote": { "type": "http", "url": "https://example.com/mcp" }
  },
  "other": [1,  2]
}
`, `{
  "mcpServers": {
    "files": {
      "command": "/bin/etch",
      "args": [
        "mcp", "--name", "files", "--", "npx",
        "-y",
        "@modelcontextprotocol/server-filesystem",
        "/srv"
      ],
      "env": { "A": "b" }
    },
    "plain": { "command": "/bin/etch", "args": ["mcp", "--name", "plain", "--", "/opt/my server"] },
    "none": {"command":"/bin/etch","args":["mcp", "--name", "none", "--", "x"]},
    "remote": { "type": "http", "url": "https://example.com/mcp" }
  },
  "other": [1,  2]
}
`,
	},
	{
		"vscode.json", "\xef\xbb\xbf{\r\n\t// VS Code\r\n\t\"servers\": {\r\n\t\t\"a\\u0062\": {\"type\": \"stdio\", \"command\": \"C:\\\\x\\/y.exe\", \"args\": [\"1\",],},\r\n\t},\r\n}",
		"\xef\xbb\xbf{\r\n\t// VS Code\r\n\t\"servers\": {\r\n\t\t\"a\\u0062\": {\"type\": \"stdio\", \"command\": \"/bin/etch\", \"args\": [\"mcp\", \"--name\", \"ab\", \"--\", \"C:\\\\x\\/y.exe\", \"1\",],},\r\n\t},\r\n}",
	},
	{
		"zed.json", `{"context_servers":{"a":{"command":{"path":"p","args":["1"],"env":null}},"b":{"source":"extension"}}}`,
		`{"context_servers":{"a":{"command":{"path":"/bin/etch","args":["mcp","--name","a","--","p","1"],"env":null}},"b":{"source":"extension"}}}`,
	},
	{
		"opencode.json", `{"mcp":{"a":{"type":"local","command":["npx","-y","x"],"enabled":true},"b":{"type":"remote","url":"https://example.com"}}}`,
		`{"mcp":{"a":{"type":"local","command":["/bin/etch","mcp","--name","a","--","npx","-y","x"],"enabled":true},"b":{"type":"remote","url":"https://example.com"}}}`,
	},
	{
		"claude.json", `{"projects":{"/home/alice/p":{"mcpServers":{"a":{"command":"x","args":["1"]}}}},"mcpServers":{}}`,
		`{"projects":{"/home/alice/p":{"mcpServers":{"a":{"command":"/bin/etch","args":["mcp","--name","a","--","x","1"]}}}},"mcpServers":{}}`,
	},
	{
		"config.toml", "model = \"x\"\n[mcp_servers.files] # here\ncommand = 'npx'\nargs = [\n  \"-y\", # yes\n  \"x\",\n]\n\n[mcp_servers.\"b c\"]\n  command = \"y\" # c\n\n[mcp_servers.r]\nurl = \"https://example.com\"\n",
		"model = \"x\"\n[mcp_servers.files] # here\ncommand = \"/bin/etch\"\nargs = [\n  \"mcp\", \"--name\", \"files\", \"--\", 'npx',\n  \"-y\", # yes\n  \"x\",\n]\n\n[mcp_servers.\"b c\"]\n  command = \"/bin/etch\" # c\n  args = [\"mcp\", \"--name\", \"b c\", \"--\", \"y\"]\n\n[mcp_servers.r]\nurl = \"https://example.com\"\n",
	},
}

func mcpMachine() Machine { return Machine{Binary: "/bin/etch", Now: time.Unix(1_790_000_000, 0)} }

// written writes a configuration and returns its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every server is wrapped, nothing else is touched, and taking it out restores the
// file.
func TestWrapMCP(t *testing.T) {
	for _, test := range clients {
		t.Run(test.name, func(t *testing.T) {
			m, hook := mcpMachine(), Hook{Binary: "/bin/etch"}
			path := written(t, test.name, test.before)
			if c, _, err := WrapMCP(m, path, hook, true); err != nil || string(c.After) != test.want || contentOf(t, path) != test.before {
				t.Errorf("a dry run: got %v, %q", err, c.After)
			}
			for range 2 {
				if _, servers, err := WrapMCP(m, path, hook, false); err != nil || len(servers.Plain) > 0 || len(servers.Wrapped) == 0 {
					t.Fatalf("got %+v, %v", servers, err)
				}
				if d := cmp.Diff(test.want, contentOf(t, path)); d != "" {
					t.Fatalf("wrapped (-want +got):\n%s", d)
				}
			}
			if _, servers, err := UnwrapMCP(m, path, false); err != nil || len(servers.Wrapped) > 0 {
				t.Fatalf("got %+v, %v", servers, err)
			}
			if d := cmp.Diff(test.before, contentOf(t, path)); d != "" {
				t.Errorf("unwrapped (-want +got):\n%s", d)
			}
			if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

// A file that was changed since is unwrapped where it is.
func TestUnwrapMCPChanged(t *testing.T) {
	for _, test := range clients {
		t.Run(test.name, func(t *testing.T) {
			m := mcpMachine()
			path := written(t, test.name, test.before)
			if _, _, err := WrapMCP(m, path, Hook{Binary: "/bin/etch"}, false); err != nil {
				t.Fatal(err)
			}
			more := "\n"
			if err := os.WriteFile(path, []byte(contentOf(t, path)+more), 0o640); err != nil {
				t.Fatal(err)
			}
			if _, _, err := UnwrapMCP(m, path, false); err != nil {
				t.Fatal(err)
			}
			// What had no arguments may have an empty list of them now.
			want := strings.NewReplacer(`,"args":[]`, "", "'npx'", `"npx"`, "command = \"y\" # c\n", "command = \"y\" # c\n  args = []\n").Replace(test.before) + more
			if d := cmp.Diff(want, contentOf(t, path)); d != "" {
				t.Errorf("unwrapped (-want +got):\n%s", d)
			}
		})
	}
}

// What an earlier installation or a person said of a wrapper stays, and what is
// said anew is brought in.
func TestWrapMCPAgain(t *testing.T) {
	m := mcpMachine()
	path := written(t, "a.json", `{"mcpServers":{"a":{"command":"/old/etch","args":["mcp","--strict","--name=x","--log","/l","--","npx","--","1"]}}}`)
	config := "/c"
	for _, test := range []struct {
		hook Hook
		want string
	}{
		{Hook{Binary: "/bin/etch", Config: &config}, `["mcp","--name","a","--log","/l","--config","/c","--strict","--","npx","--","1"]`},
		{Hook{Binary: "/bin/etch", Log: new("")}, `["mcp","--name","a","--config","/c","--strict","--","npx","--","1"]`},
	} {
		if _, _, err := WrapMCP(m, path, test.hook, false); err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, path); !strings.Contains(got, `"command":"/bin/etch","args":`+test.want) {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestWrapMCPRefuses(t *testing.T) {
	m, hook := mcpMachine(), Hook{Binary: "/bin/etch"}
	if _, _, err := WrapMCP(m, filepath.Join(t.TempDir(), "none.json"), hook, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	for _, text := range []string{
		"", "{}", `{"mcpServers":{}}`, `{"mcpServers":[`, `{"mcpServers":{"a":{"command":"x","args":[1]}}}`, `{"mcpServers":{"a":{"command":"x","command":"y"}}}`,
	} {
		path := written(t, "a.json", text)
		if _, _, err := WrapMCP(m, path, hook, false); err == nil {
			t.Errorf("%s was taken", text)
		}
		if got := contentOf(t, path); got != text {
			t.Errorf("%s has become %s", text, got)
		}
	}
	path := written(t, "a.toml", "[mcp_servers.a]\ncommand = \"x\"\nargs = [1]\n")
	if _, _, err := WrapMCP(m, path, hook, false); err == nil {
		t.Error("arguments that are no strings were taken")
	}
}

// Whatever a file has, wrapping either fails or says the same of everything else,
// and unwrapping brings the meaning back.
func FuzzWrapMCP(f *testing.F) {
	for _, test := range clients {
		f.Add(test.before, strings.HasSuffix(test.name, "toml"))
		f.Add(test.want, strings.HasSuffix(test.name, "toml"))
	}
	f.Fuzz(func(t *testing.T, text string, toml bool) {
		form := mcpFile{own: "etch", toml: toml}
		wrapped, err := form.put([]byte(text), Hook{Binary: "/bin/etch"})
		if err != nil {
			return
		}
		again, err := form.put(wrapped, Hook{Binary: "/bin/etch"})
		if err != nil || string(again) != string(wrapped) {
			t.Fatalf("wrapped again: %v\n%s", err, cmp.Diff(string(wrapped), string(again)))
		}
		back, _, err := form.take(wrapped, nil)
		if err != nil {
			t.Fatalf("%v: %q", err, wrapped)
		}
		if form.holds(back) {
			t.Fatalf("something is left of it: %q", back)
		}
		bare, _, err := form.take([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		was, err := form.meaning(bare)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := form.meaning(back); err != nil || cmp.Diff(was, is) != "" {
			t.Fatalf("the meaning is another: %v\n%s", err, cmp.Diff(was, is))
		}
	})
}
