/* A QEMU plugin that counts the instructions and the Cortex-M4 cycles of every call of one function.
 *
 *   qemu-system-arm ... -plugin cortex_m4_cycles.so,entry=ADDRESS,out=FILE
 *
 * Each call that returns appends a line "instructions cycles" to FILE. The rules are those of
 * mcuq/profile/cores/cortex-m4.toml, written down a second time: here instructions are decoded from their bits, there
 * from a disassembler's text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of QEMU's plugin interface that is used; QEMU comes without its header. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;
typedef void (*tb_callback)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*exec_callback)(unsigned, void *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_callback, int, void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
#if PLUGIN_VERSION >= 3
extern size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
#else
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
#endif

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = PLUGIN_VERSION;

enum kind { OTHER, LOAD, STORE, PAIR, LOAD_MULTIPLE, STORE_MULTIPLE };
enum { NONE = -1, SP = 13, PC = 15 };

typedef struct {
    enum kind kind;
    unsigned registers; /* of a load or store of several, in words */
    unsigned extra;     /* cycles of its own beyond the first */
    int loaded;         /* the register that a single load fills */
    int base, index;    /* what its address is made of */
    bool branches, calls;
} instruction;

typedef struct {
    uint64_t begin, end;
    unsigned count;
    unsigned cycles; /* behind a taken branch */
    instruction first, last;
} block;

static const instruction nothing = { OTHER, 0, 0, NONE, NONE, NONE, false, false };

static unsigned ones(unsigned bits)
{
    unsigned count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static instruction access_of(bool loads, int target, int base, int index)
{
    instruction found = nothing;
    found.kind = loads ? LOAD : STORE;
    found.loaded = loads ? target : NONE;
    found.branches = loads && target == PC;
    found.base = base;
    found.index = index;
    return found;
}

static instruction multiple(bool loads, unsigned registers, bool into_pc)
{
    instruction found = nothing;
    found.kind = loads ? LOAD_MULTIPLE : STORE_MULTIPLE;
    found.registers = registers;
    found.branches = loads && into_pc;
    return found;
}

static instruction branch(bool calls)
{
    instruction found = nothing;
    found.branches = true;
    found.calls = calls;
    return found;
}

static instruction costing(unsigned extra)
{
    instruction found = nothing;
    found.extra = extra;
    return found;
}

static instruction decode_16(unsigned h)
{
    const int low = (int)(h & 7), middle = (int)(h >> 3 & 7), high = (int)(h >> 6 & 7), wide = (int)(h >> 8 & 7);

    switch (h >> 12) {
    case 0x4:
        if (h >> 11 == 0x09) { /* LDR (literal) */
            return access_of(true, wide, PC, NONE);
        }
        if (h >> 8 == 0x47) { /* BX, BLX */
            return branch((h & 0x80) != 0);
        }
        if ((h >> 8 == 0x44 || h >> 8 == 0x46) && ((h >> 4 & 8) | (h & 7)) == PC) { /* ADD, MOV into PC */
            return branch(false);
        }
        return nothing;
    case 0x5: /* register offset: the first three of eight store */
        return access_of((h >> 9 & 7) >= 3, low, middle, high);
    case 0x6: /* words, bytes and halfwords with an immediate offset */
    case 0x7:
    case 0x8:
        return access_of((h & 0x800) != 0, low, middle, NONE);
    case 0x9:
        return access_of((h & 0x800) != 0, wide, SP, NONE);
    case 0xB:
        if ((h & 0xFE00) == 0xB400) {
            return multiple(false, ones(h & 0x1FF), false);
        }
        if ((h & 0xFE00) == 0xBC00) {
            return multiple(true, ones(h & 0x1FF), (h & 0x100) != 0);
        }
        return (h & 0xF500) == 0xB100 ? branch(false) : nothing; /* CBZ, CBNZ */
    case 0xC:
        return multiple((h & 0x800) != 0, ones(h & 0xFF), false);
    case 0xD:
        return (h >> 8 & 0xF) < 14 ? branch(false) : nothing;
    case 0xE:
        return branch(false);
    default:
        return nothing;
    }
}

/* LDM, STM; LDRD, STRD; exclusive accesses; TBB, TBH. */
static instruction decode_multiple_or_dual(unsigned a, unsigned b)
{
    const bool loads = (a & 0x10) != 0;
    if ((a & 0x40) == 0) {
        return multiple(loads, ones(b), (b & 0x8000) != 0);
    }
    if ((a & 0x120) != 0) {
        instruction found = nothing;
        found.kind = PAIR;
        found.base = (int)(a & 15);
        return found;
    }
    if ((a & 0x90) == 0x90 && (b & 0xE0) == 0) {
        instruction found = branch(false);
        found.extra = 1;
        return found;
    }
    return access_of(loads, loads ? (int)(b >> 12) : NONE, (int)(a & 15), NONE);
}

static instruction decode_single(unsigned a, unsigned b)
{
    const bool loads = (a & 0x10) != 0, is_word = (a & 0x60) == 0x40;
    const int base = (int)(a & 15), target = (int)(b >> 12);
    const bool has_index = base != PC && (a & 0x80) == 0 && (b & 0xFC0) == 0;
    if (loads && target == PC && !is_word) {
        return nothing; /* a preload hint */
    }
    return access_of(loads, target, base, has_index ? (int)(b & 15) : NONE);
}

static instruction decode_branch(unsigned a, unsigned b)
{
    if ((b & 0xD000) == 0xD000) {
        return branch(true); /* BL */
    }
    if ((b & 0xD000) == 0x9000) {
        return branch(false);
    }
    return (b & 0xD000) == 0x8000 && (a >> 6 & 15) < 14 ? branch(false) : nothing;
}

/* VLDM, VSTM, VLDR, VSTR and floating-point arithmetic. */
static instruction decode_float(unsigned a, unsigned b)
{
    if ((a & 0xFE00) == 0xEC00) {
        const bool loads = (a & 0x10) != 0;
        if ((a & 0xFFE0) == 0xEC40) {
            return nothing; /* moves of two registers */
        }
        if ((a & 0x120) == 0x100) {
            return access_of(loads, NONE, (int)(a & 15), NONE);
        }
        return multiple(loads, b & 0xFF, false);
    }
    if ((a & 0xFF00) != 0xEE00 || (b & 0x10) != 0) {
        return nothing;
    }
    switch (a >> 4 & 0xB) {
    case 0x0: /* VMLA, VMLS */
    case 0xA: /* VFMA, VFMS */
        return costing(2);
    case 0x8: /* VDIV */
        return costing(13);
    case 0xB: /* VSQRT among others */
        return costing((a & 15) == 1 && (b & 0xC0) == 0xC0 ? 13 : 0);
    default:
        return nothing;
    }
}

static instruction decode_32(unsigned a, unsigned b)
{
    const unsigned coprocessor = b >> 8 & 15;
    if ((a & 0xFE00) == 0xE800) {
        return decode_multiple_or_dual(a, b);
    }
    if ((a & 0xFE00) == 0xF800) {
        return decode_single(a, b);
    }
    if ((a & 0xF800) == 0xF000 && (b & 0x8000) != 0) {
        return decode_branch(a, b);
    }
    if ((a & 0xFFD0) == 0xFB90 && (b & 0xF0) == 0xF0) { /* SDIV, UDIV */
        return costing(6);
    }
    if ((a & 0xFC00) == 0xEC00 && (coprocessor == 10 || coprocessor == 11)) {
        return decode_float(a, b);
    }
    return nothing;
}

/* Whether the access overlaps with the one before it. */
static bool follows_access(const instruction *before, const instruction *now)
{
    if (before == NULL || (before->kind != LOAD && before->kind != STORE && before->kind != PAIR)) {
        return false;
    }
    return before->loaded == NONE || (before->loaded != now->base && before->loaded != now->index);
}

static unsigned cycles_of(const instruction *before, const instruction *now)
{
    const bool overlaps = follows_access(before, now);
    switch (now->kind) {
    case LOAD:
        return overlaps ? 1 : 2;
    case STORE:
        return now->index == NONE ? 1 : 2;
    case PAIR:
        return overlaps ? 2 : 3;
    case LOAD_MULTIPLE:
    case STORE_MULTIPLE:
        return 1 + now->registers;
    default:
        return 1 + now->extra;
    }
}

#define REFILL 2

static uint64_t entry, return_address, after_call;
static bool is_counting;
static unsigned long long instructions, cycles;
static const block *before;
static FILE *out;

static void finish(void)
{
    is_counting = false;
    fprintf(out, "%llu %llu\n", instructions, cycles);
    fflush(out);
}

static void on_block(unsigned cpu, void *data)
{
    const block *now = data;
    (void)cpu;
    if (before != NULL && before->last.calls) {
        after_call = before->end; /* what the link register holds, until the next call */
    }
    if (is_counting && now->begin == return_address) {
        finish();
    } else if (!is_counting && now->begin == entry) {
        is_counting = true;
        return_address = after_call;
        instructions = cycles = 0;
    }
    if (is_counting) {
        const bool falls_through = before != NULL && before->end == now->begin;
        instructions += now->count;
        cycles += now->cycles;
        if (falls_through) {
            cycles += cycles_of(&before->last, &now->first);
            cycles -= cycles_of(NULL, &now->first);
        } else if (before != NULL && before->last.branches) {
            cycles += REFILL;
        }
    }
    before = now;
}

/* The size is read from the instruction: at the end of a page QEMU counts the halfword behind it in. */
static instruction decode(const struct qemu_plugin_insn *insn, unsigned *bytes)
{
    uint16_t halfwords[2] = { 0, 0 };
#if PLUGIN_VERSION >= 3
    qemu_plugin_insn_data(insn, halfwords, sizeof halfwords);
#else
    memcpy(halfwords, qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn) < 4 ? 2 : 4);
#endif
    *bytes = halfwords[0] >= 0xE800 ? 4 : 2;
    return *bytes == 2 ? decode_16(halfwords[0]) : decode_32(halfwords[0], halfwords[1]);
}

/* Blocks are never freed: QEMU may still run those that it has translated anew. */
static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    block *made = calloc(1, sizeof *made);
    (void)id;
    if (made == NULL) {
        abort();
    }
    made->count = (unsigned)qemu_plugin_tb_n_insns(tb);
    made->begin = made->end = qemu_plugin_tb_vaddr(tb);
    for (unsigned i = 0; i < made->count; i++) {
        const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        unsigned bytes;
        const instruction now = decode(insn, &bytes);
        if (i == 0) {
            made->first = now;
        }
        made->cycles += cycles_of(i == 0 ? NULL : &made->last, &now);
        made->last = now;
        made->end += bytes;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, made);
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "entry=", 6) == 0) {
            entry = strtoull(argv[i] + 6, NULL, 0);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        }
    }
    if (entry == 0 || out == NULL) {
        fprintf(stderr, "cortex_m4_cycles needs entry=ADDRESS and out=FILE\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
