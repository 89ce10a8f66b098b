package verify_test
import ("testing";"fmt")
func TestZZ(t *testing.T) {
	l := makeLab(t, true)
	for _, s := range sheets(t, l.files) { fmt.Println(s.name); for _, r := range s.rows { fmt.Printf("   %.140s\n", r.old) } }
	for w := atHome; w < situations; w++ {
		r := l.report(t, l.files, w, l.epochKeys(t, l.disk))
		fmt.Println(w, r.Verdict, r.Faults, r.NotChecked)
	}
	th := l.thief(nobody)
	files, f := th.remake(t, sheets(t, l.files))
	for n := range files { if string(files[n]) != string(l.files[n]) { t.Error(n) } }
	_ = f
}
