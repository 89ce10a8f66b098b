package question

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	for list, want := range map[string][]string{
		`seq`:                        {`seq`},
		`seq,user,label.team`:        {`seq`, `user`, `label.team`},
		`label."a,b",seq`:            {`label."a,b"`, `seq`},
		`seq,label.'a,"b',user`:      {`seq`, `label.'a,"b'`, `user`},
		`label."a\",b",label.'c\',d`: {`label."a\",b"`, `label.'c\'`, `d`},
		`label.it's,user`:            {`label.it's`, `user`},
		`label."a,user`:              {`label."a,user`},
		`,"`:                         {``, `"`},
		``:                           {``},
		`seq,`:                       {`seq`, ``},
	} {
		if diff := cmp.Diff(Names(list), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", list, diff)
		}
	}
}
