//go:build !purego

#include "textflag.h"

// SHA-256 of two messages in one stream of instructions. Each message, here a
// lane, is hashed as in Intel's "SHA Extensions" (S. Gulley, V. Gopal et al.,
// July 2013) and in crypto/sha256. SHA256RNDS2 does two rounds, and the next two
// wait for it; what one lane leaves idle meanwhile is what the other one needs.
// The lanes share nothing but X0, X13 and the constants: all the rest is done
// twice, by the same macros.
//
// FIPS 180-4 has a state of eight words, A to H. The instructions want them as
// two registers, ABEF and CDGH, with A and C in their highest words.
//
//	           lane 0     lane 1
//	ABEF       X1         X7
//	CDGH       X2         X8
//	schedule   X3 to X6   X9 to X12    the last 16 words, 4 in a register
//
//	X0   4 words of the schedule and their constants, which SHA256RNDS2 reads
//	X13  used by one macro at a time
//	X14  the order that makes big-endian words of bytes

// LOAD reads 4 words of a message.
#define LOAD(from, w) \
	MOVOU  from, w; \
	PSHUFB X14, w

// ROUNDS does 4 rounds with 4 words of the schedule and their constants at k.
#define ROUNDS(k, w, abef, cdgh) \
	MOVO        w, X0; \
	PADDL       k(AX), X0; \
	SHA256RNDS2 X0, abef, cdgh; \
	PSHUFD      $0x0e, X0, X0; \
	SHA256RNDS2 X0, cdgh, abef

// NEXT replaces w0, the oldest 4 of 16 words of the schedule, by the next 4:
// w[t] = sigma1(w[t-2]) + w[t-7] + sigma0(w[t-15]) + w[t-16].
#define NEXT(w0, w1, w2, w3) \
	SHA256MSG1 w1, w0; \
	MOVO       w3, X13; \
	PALIGNR    $4, w2, X13; \
	PADDL      X13, w0; \
	SHA256MSG2 w3, w0

// FIRST does rounds with words of the message: those at 16*i.
#define FIRST(i, w, v) \
	LOAD(16*i(SI), w); \
	LOAD(16*i(DX), v); \
	ROUNDS(16*i, w, X1, X2); \
	ROUNDS(16*i, v, X7, X8)

// LATER does rounds with words that are made of the last 16.
#define LATER(i, w0, w1, w2, w3, v0, v1, v2, v3) \
	NEXT(w0, w1, w2, w3); \
	NEXT(v0, v1, v2, v3); \
	ROUNDS(16*i, w0, X1, X2); \
	ROUNDS(16*i, v0, X7, X8)

// UNPACK makes ABEF and CDGH of a state in memory.
#define UNPACK(from, abef, cdgh) \
	MOVOU   (from), abef; \
	MOVOU   16(from), cdgh; \
	PSHUFD  $0xb1, abef, abef; \
	PSHUFD  $0x1b, cdgh, cdgh; \
	MOVO    abef, X13; \
	PALIGNR $8, cdgh, abef; \
	PBLENDW $0xf0, X13, cdgh

// PACK is the reverse of UNPACK.
#define PACK(abef, cdgh, to) \
	PSHUFD  $0x1b, abef, abef; \
	PSHUFD  $0xb1, cdgh, cdgh; \
	MOVO    abef, X13; \
	PBLENDW $0xf0, cdgh, abef; \
	PALIGNR $8, X13, cdgh; \
	MOVOU   abef, (to); \
	MOVOU   cdgh, 16(to)

// ADD adds what the state was before a block.
#define ADD(saved, to) \
	MOVOU saved, X0; \
	PADDL X0, to

// func hashTwo(a, b *state, p, q *byte, n int)
TEXT ·hashTwo(SB), NOSPLIT, $64-40
	MOVQ  a+0(FP), DI
	MOVQ  b+8(FP), R8
	MOVQ  p+16(FP), SI
	MOVQ  q+24(FP), DX
	MOVQ  n+32(FP), CX
	LEAQ  k<>(SB), AX
	MOVOU order<>(SB), X14
	UNPACK(DI, X1, X2)
	UNPACK(R8, X7, X8)

block:
	MOVOU X1, abef0-16(SP)
	MOVOU X2, cdgh0-32(SP)
	MOVOU X7, abef1-48(SP)
	MOVOU X8, cdgh1-64(SP)

	FIRST(0, X3, X9)
	FIRST(1, X4, X10)
	FIRST(2, X5, X11)
	FIRST(3, X6, X12)
	LATER(4, X3, X4, X5, X6, X9, X10, X11, X12)
	LATER(5, X4, X5, X6, X3, X10, X11, X12, X9)
	LATER(6, X5, X6, X3, X4, X11, X12, X9, X10)
	LATER(7, X6, X3, X4, X5, X12, X9, X10, X11)
	LATER(8, X3, X4, X5, X6, X9, X10, X11, X12)
	LATER(9, X4, X5, X6, X3, X10, X11, X12, X9)
	LATER(10, X5, X6, X3, X4, X11, X12, X9, X10)
	LATER(11, X6, X3, X4, X5, X12, X9, X10, X11)
	LATER(12, X3, X4, X5, X6, X9, X10, X11, X12)
	LATER(13, X4, X5, X6, X3, X10, X11, X12, X9)
	LATER(14, X5, X6, X3, X4, X11, X12, X9, X10)
	LATER(15, X6, X3, X4, X5, X12, X9, X10, X11)

	ADD(abef0-16(SP), X1)
	ADD(cdgh0-32(SP), X2)
	ADD(abef1-48(SP), X7)
	ADD(cdgh1-64(SP), X8)

	ADDQ $64, SI
	ADDQ $64, DX
	DECQ CX
	JNZ  block

	PACK(X1, X2, DI)
	PACK(X7, X8, R8)
	RET

DATA order<>+0(SB)/8, $0x0405060700010203
DATA order<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL order<>(SB), RODATA|NOPTR, $16

// The constants of FIPS 180-4 section 4.2.2. PADDL reads 16 bytes of them where
// they are aligned; the linker aligns what is as large as this by 32.
DATA k<>+0(SB)/8, $0x71374491428a2f98
DATA k<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA k<>+16(SB)/8, $0x59f111f13956c25b
DATA k<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA k<>+32(SB)/8, $0x12835b01d807aa98
DATA k<>+40(SB)/8, $0x550c7dc3243185be
DATA k<>+48(SB)/8, $0x80deb1fe72be5d74
DATA k<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA k<>+64(SB)/8, $0xefbe4786e49b69c1
DATA k<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA k<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA k<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA k<>+96(SB)/8, $0xa831c66d983e5152
DATA k<>+104(SB)/8, $0xbf597fc7b00327c8
DATA k<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA k<>+120(SB)/8, $0x1429296706ca6351
DATA k<>+128(SB)/8, $0x2e1b213827b70a85
DATA k<>+136(SB)/8, $0x53380d134d2c6dfc
DATA k<>+144(SB)/8, $0x766a0abb650a7354
DATA k<>+152(SB)/8, $0x92722c8581c2c92e
DATA k<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA k<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA k<>+176(SB)/8, $0xd6990624d192e819
DATA k<>+184(SB)/8, $0x106aa070f40e3585
DATA k<>+192(SB)/8, $0x1e376c0819a4c116
DATA k<>+200(SB)/8, $0x34b0bcb52748774c
DATA k<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA k<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA k<>+224(SB)/8, $0x78a5636f748f82ee
DATA k<>+232(SB)/8, $0x8cc7020884c87814
DATA k<>+240(SB)/8, $0xa4506ceb90befffa
DATA k<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL k<>(SB), RODATA|NOPTR, $256
