//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Some bytes of each probe are compared at their distances, as in the "generic
// SIMD" search by W. Mula (http://0x80.pl/articles/simd-strfind.html), for 64
// positions in a round. The distances are fixed for a whole search, so that each
// byte has a pointer of its own and all pointers share one index.
//
// The processor's own prefetching ends at each page; asking 2 KiB ahead makes
// text that is not in a cache about a fifth faster. Behind the text, prefetching
// is no access.

// func find2(b *byte, n int, m *marks) (at int, mask uint64)
//
// The needle's bytes are at SI, BX, CX, DX and in Y0 to Y3. Y6 and Y7 are the text, and
// then gather the needle for either half of the step; Y8 and Y9 gather the escapes, which
// are looked for in the text that was loaded: what is loaded from another place mostly
// lies in two lines of the cache, and loads are what a round takes its time for. Of
// the last byte of 16 it is not known what follows: a backslash there is taken for an
// escape, by Y14.
TEXT ·find2(SB), NOSPLIT, $0-40
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), R11
	MOVQ m+16(FP), DI

	MOVQ marks_offset+8(DI), BX
	MOVQ marks_offset+16(DI), CX
	MOVQ marks_offset+24(DI), DX
	ADDQ SI, BX
	ADDQ SI, CX
	ADDQ SI, DX

	VPBROADCASTB marks_char+0(DI), Y0
	VPBROADCASTB marks_char+1(DI), Y1
	VPBROADCASTB marks_char+2(DI), Y2
	VPBROADCASTB marks_char+3(DI), Y3
	VPBROADCASTB marks_char+4(DI), Y4
	VPBROADCASTB marks_char+5(DI), Y5
	VPCMPEQB     Y14, Y14, Y14
	VPSLLDQ      $15, Y14, Y14

	XORQ R10, R10

loop:
	CMPQ R10, R11
	JAE  none

	PREFETCHT0 2048(SI)(R10*1)

	VMOVDQU  (SI)(R10*1), Y6
	VMOVDQU  32(SI)(R10*1), Y7
	VPCMPEQB Y6, Y5, Y8
	VPCMPEQB Y7, Y5, Y9
	VPSRLDQ  $1, Y8, Y8
	VPSRLDQ  $1, Y9, Y9
	VPCMPEQB Y6, Y4, Y10
	VPCMPEQB Y7, Y4, Y11
	VPOR     Y14, Y8, Y8
	VPOR     Y14, Y9, Y9
	VPAND    Y10, Y8, Y8
	VPAND    Y11, Y9, Y9

	VPCMPEQB Y6, Y0, Y6
	VPCMPEQB Y7, Y0, Y7
	VPCMPEQB (BX)(R10*1), Y1, Y10
	VPCMPEQB 32(BX)(R10*1), Y1, Y11
	VPAND    Y10, Y6, Y6
	VPAND    Y11, Y7, Y7
	VPCMPEQB (CX)(R10*1), Y2, Y10
	VPCMPEQB 32(CX)(R10*1), Y2, Y11
	VPCMPEQB (DX)(R10*1), Y3, Y12
	VPCMPEQB 32(DX)(R10*1), Y3, Y13
	VPAND    Y10, Y12, Y10
	VPAND    Y11, Y13, Y11
	VPAND    Y10, Y6, Y6
	VPAND    Y11, Y7, Y7
	VPOR     Y8, Y6, Y6
	VPOR     Y9, Y7, Y7

	ADDQ   $64, R10
	VPOR   Y6, Y7, Y8
	VPTEST Y8, Y8
	JZ     loop

	SUBQ      $64, R10
	VPMOVMSKB Y6, R8
	VPMOVMSKB Y7, R9
	SHLQ      $32, R9
	ORQ       R9, R8
	MOVQ      R10, at+24(FP)
	MOVQ      R8, mask+32(FP)
	VZEROUPPER
	RET

none:
	MOVQ R11, at+24(FP)
	MOVQ $0, mask+32(FP)
	VZEROUPPER
	RET

// func find4(b *byte, n int, m *marks) (at int, mask uint64)
TEXT ·find4(SB), NOSPLIT, $0-40
	MOVQ b+0(FP), R13
	MOVQ n+8(FP), R11
	MOVQ m+16(FP), R12

	MOVQ marks_offset+0(R12), AX
	MOVQ marks_offset+8(R12), BX
	MOVQ marks_offset+16(R12), CX
	MOVQ marks_offset+24(R12), DX
	MOVQ marks_offset+32(R12), SI
	MOVQ marks_offset+40(R12), DI
	MOVQ marks_offset+48(R12), R8
	MOVQ marks_offset+56(R12), R9
	ADDQ R13, AX
	ADDQ R13, BX
	ADDQ R13, CX
	ADDQ R13, DX
	ADDQ R13, SI
	ADDQ R13, DI
	ADDQ R13, R8
	ADDQ R13, R9

	VPBROADCASTB marks_char+0(R12), Y0
	VPBROADCASTB marks_char+1(R12), Y1
	VPBROADCASTB marks_char+2(R12), Y2
	VPBROADCASTB marks_char+3(R12), Y3
	VPBROADCASTB marks_char+4(R12), Y4
	VPBROADCASTB marks_char+5(R12), Y5
	VPBROADCASTB marks_char+6(R12), Y6
	VPBROADCASTB marks_char+7(R12), Y7

	XORQ R10, R10

loop:
	CMPQ R10, R11
	JAE  none

	PREFETCHT0 2048(AX)(R10*1)

	VPCMPEQB (AX)(R10*1), Y0, Y8
	VPCMPEQB (BX)(R10*1), Y1, Y9
	VPCMPEQB (CX)(R10*1), Y2, Y10
	VPCMPEQB (DX)(R10*1), Y3, Y11
	VPAND    Y8, Y9, Y8
	VPAND    Y10, Y11, Y10
	VPOR     Y8, Y10, Y8
	VPCMPEQB (SI)(R10*1), Y4, Y9
	VPCMPEQB (DI)(R10*1), Y5, Y10
	VPCMPEQB (R8)(R10*1), Y6, Y11
	VPCMPEQB (R9)(R10*1), Y7, Y12
	VPAND    Y9, Y10, Y9
	VPAND    Y11, Y12, Y11
	VPOR     Y9, Y11, Y9
	VPOR     Y8, Y9, Y8

	VPCMPEQB 32(AX)(R10*1), Y0, Y12
	VPCMPEQB 32(BX)(R10*1), Y1, Y13
	VPCMPEQB 32(CX)(R10*1), Y2, Y14
	VPCMPEQB 32(DX)(R10*1), Y3, Y15
	VPAND    Y12, Y13, Y12
	VPAND    Y14, Y15, Y14
	VPOR     Y12, Y14, Y12
	VPCMPEQB 32(SI)(R10*1), Y4, Y9
	VPCMPEQB 32(DI)(R10*1), Y5, Y10
	VPCMPEQB 32(R8)(R10*1), Y6, Y11
	VPCMPEQB 32(R9)(R10*1), Y7, Y13
	VPAND    Y9, Y10, Y9
	VPAND    Y11, Y13, Y11
	VPOR     Y9, Y11, Y9
	VPOR     Y12, Y9, Y12

	ADDQ   $64, R10
	VPOR   Y8, Y12, Y9
	VPTEST Y9, Y9
	JZ     loop

	SUBQ      $64, R10
	VPMOVMSKB Y8, R12
	VPMOVMSKB Y12, R13
	SHLQ      $32, R13
	ORQ       R13, R12
	MOVQ      R10, at+24(FP)
	MOVQ      R12, mask+32(FP)
	VZEROUPPER
	RET

none:
	MOVQ R11, at+24(FP)
	MOVQ $0, mask+32(FP)
	VZEROUPPER
	RET
