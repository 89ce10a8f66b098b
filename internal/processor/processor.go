// Package processor tells what instructions the processor has, when it is asked.
//
// Where a hypervisor stands between, each question that the processor is asked
// about itself takes tens of microseconds. Packages that ask while a program
// starts make every program pay that uses them or not; this one asks once, when
// the first answer is wanted.
package processor
