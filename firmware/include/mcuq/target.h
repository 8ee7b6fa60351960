/* What generated C asks of a target, so that a wrong one is an error of the compiler and not a wrong number. */
#ifndef MCUQ_TARGET_H
#define MCUQ_TARGET_H

#ifdef __cplusplus
#error "this file is C: give it to the C compiler; the model's header may be included from C++"
#endif

#if !defined(__GNUC__)
#error "mcuq's C needs a compiler that knows GNU attributes: gcc, clang, zig, armclang or IAR with its GNU extensions"
#endif

#if __CHAR_BIT__ != 8 || __SIZEOF_INT__ < 4
#error "mcuq's C needs bytes of 8 and an int of at least 32 bits: AVR and other 8 and 16-bit cores are not supported"
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mcuq's C needs a little-endian target: the constants are stored that way"
#endif

#endif
