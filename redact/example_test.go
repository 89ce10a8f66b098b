package redact_test

import (
	"fmt"

	"github.com/etch-audit/etch/redact"
)

func ExampleText() {
	masked, n := redact.Text("mysql -u root -phunter2 shop && curl -H 'X-Api-Key: abc' https://me:pw@example.com/")
	fmt.Println(masked)
	fmt.Println(n, "places")

	masked, n = redact.Text(`DB_PASSWORD="$(pass show db)" ./migrate --author=me`)
	fmt.Println(masked)
	fmt.Println(n, "places")
	// Output:
	// mysql -u root -p[REDACTED:password] shop && curl -H 'X-Api-Key: [REDACTED:key]' https://me:[REDACTED:url-password]@example.com/
	// 3 places
	// DB_PASSWORD="$(pass show db)" ./migrate --author=me
	// 0 places
}

func ExampleJSON() {
	masked, n := redact.JSON([]byte(`{"command": "export TOKEN=abc; make", "env": {"db_password": 12345}, "max_tokens": 100}`))
	fmt.Println(string(masked), n)
	// Output:
	// {"command": "export TOKEN=[REDACTED:token]; make", "env": {"db_password": "[REDACTED:password]"}, "max_tokens": 100} 2
}

func ExampleArgv() {
	masked, n := redact.Argv([]string{"tool", "--password", "correct horse", "--user", "me"})
	fmt.Printf("%q %d\n", masked, n)
	// Output:
	// ["tool" "--password" "[REDACTED:password]" "--user" "me"] 1
}
