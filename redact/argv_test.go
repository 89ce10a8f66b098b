package redact_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/redact"
)

func TestArgv(t *testing.T) {
	// Arguments are separated by a bar.
	tests := []struct {
		in, want string
		count    int
	}{
		{"tool|--password|a b;c|--user|me", "tool|--password|«password»|--user|me", 1},
		{"tool|--password=a b;c|x", "tool|--password=«password»|x", 1},
		{"env|DB_PASSWORD=a b|cmd", "env|DB_PASSWORD=«password»|cmd", 1},
		{"tool|--password|--user|me", "tool|--password|--user|me", 0},
		{"tool|--token", "tool|--token", 0},
		{"tool|--token|", "tool|--token|", 0},
		{"mysql|-u|root|-pa b|shop", "mysql|-u|root|-p«password»|shop", 1},
		{"/usr/bin/mysql|-p|shop", "/usr/bin/mysql|-p|shop", 0},
		{"sudo|mysql|-phunter2", "sudo|mysql|-p«password»", 1},
		{"curl|-u|me:a b|https://h", "curl|-u|me:«password»|https://h", 1},
		{"curl|-u|me|https://h", "curl|-u|me|https://h", 0},
		{"curl|-ume:x|https://h", "curl|-ume:«password»|https://h", 1},
		{"curl|-H|Authorization: Bearer abc|h", "curl|-H|Authorization: Bearer «authorization»|h", 1},
		{"curl|-H|X-Api-Key: abc|h", "curl|-H|X-Api-Key: «key»|h", 1},
		{"sshpass|-p|a b|ssh|h", "sshpass|-p|«password»|ssh|h", 1},
		{"docker|login|-u|me|-p|a;b|reg", "docker|login|-u|me|-p|«password»|reg", 1},
		{"docker|run|-p|80:80|nginx", "docker|run|-p|80:80|nginx", 0},
		{"redis-cli|-a|x y|ping", "redis-cli|-a|«password»|ping", 1},
		{"openssl|rsa|-passin|pass:a b|-in|k", "openssl|rsa|-passin|pass:«password»|-in|k", 1},
		{"htpasswd|-b|f|me|a b", "htpasswd|-b|f|me|«password»", 1},
		{"sh|-c|mysql -phunter2 shop", "sh|-c|mysql -p«password» shop", 1},
		{"kubectl|create|secret|generic|a|--from-literal=k=a b", "kubectl|create|secret|generic|a|--from-literal=k=«secret»", 1},
		{"git|clone|https://u:p@h/", "git|clone|https://u:«url-password»@h/", 1},
		{"tool|--password|$PW|--token=${T}", "tool|--password|$PW|--token=${T}", 0},
		{"git|log|--author=me|--max-count=3", "git|log|--author=me|--max-count=3", 0},
		{"vault|kv|put|secret/a|value=a b;c", "vault|kv|put|secret/a|value=«secret»", 1},
		{"vault|kv|get|secret/a|value=a", "vault|kv|get|secret/a|value=a", 0},
		{"curl|-sx|me:a b@h:1|--cert|c.pem:a b|-ku|me:a b", "curl|-sx|me:«password»@h:1|--cert|c.pem:«password»|-ku|me:«password»", 3},
		{"curl|-u|:a b", "curl|-u|:«password»", 1},
		{"aws|ssm|put-parameter|--type|SecureString|--value|a b", "aws|ssm|put-parameter|--type|SecureString|--value|«secret»", 1},
		{"aws|ssm|put-parameter|--type|String|--value|a b", "aws|ssm|put-parameter|--type|String|--value|a b", 0},
		{"openssl|passwd|-6|a b", "openssl|passwd|-6|«password»", 1},
		{"security|add-generic-password|-w|a b|-s|x", "security|add-generic-password|-w|«password»|-s|x", 1},
		{"mysqladmin|-u|root|password|a b", "mysqladmin|-u|root|password|«password»", 1},
		{"jq|--arg|token|a1b", "jq|--arg|token|«token»", 1},
		{"echo|password: hunter2", "echo|password: «password»", 1},
		{"", "", 0},
	}
	for _, test := range tests {
		in, want := strings.Split(expand(test.in), "|"), strings.Split(expand(test.want), "|")
		got, n := redact.Argv(in)
		if !slices.Equal(got, want) || n != test.count {
			t.Errorf("%q:\n  got  %q, %d\n  want %q, %d", in, got, n, want, test.count)
		}
		checkArgv(t, in)
		if allocs := testing.AllocsPerRun(10, func() { redact.Argv(in) }); n == 0 && allocs != 0 {
			t.Errorf("%q: got %v allocations, want 0", in, allocs)
		}
	}
	if got, n := redact.Argv(nil); got != nil || n != 0 {
		t.Errorf("got %q, %d for nil, want nil, 0", got, n)
	}
}
