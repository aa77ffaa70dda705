/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layouts as PocketSphinx 5prealpha reads them: bio.c, ms_gauden.c, tmat.c, ms_senone.c, ptm_mgau.c,
 * bin_mdef.c, ngram_model_trie.c and lm_trie.c of its sources. */
#include "sphinx_files.h"

#include <dubbing_bytes.h>
#include <string.h>

#define CUT_SHORT "is cut short"
#define DAMAGED "is damaged, or no model file"
#define MIN_OTHER_BYTES 256 /* of a language model that is not looked into */
#define S3_ORDER 0x11223344u
#define TRIE_MAGIC "Trie Language Model"

/* Words in the order of bytes that the file was written in. */
struct words {
    struct dub_reader reader;
    bool big_endian;
};

static uint32_t next(struct words *words)
{
    return words->big_endian ? dub_read_be32(&words->reader) : dub_read_le32(&words->reader);
}

/* Numbers of a damaged head may be anything: a sum or product that is too large stays so. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* Skips what follows; false where there is less. */
static bool skip(struct words *words, uint64_t bytes)
{
    return bytes <= SIZE_MAX && dub_reader_skip(&words->reader, (size_t)bytes);
}

static bool starts_with(const void *data, size_t size, const char *start)
{
    return size >= strlen(start) && memcmp(data, start, strlen(start)) == 0;
}

static const char *lines_fault(const char *text, size_t size)
{
    if (size == 0 || text[size - 1] != '\n')
        return CUT_SHORT ", its last line has no end";
    return memchr(text, '\0', size) ? DAMAGED : NULL;
}

/* ---- Sphinx-3: lines of text, "endhdr", a word that tells the order of bytes, words, their checksum ---- */

static uint32_t checksum(struct words words, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (sum << 20 | sum >> 12) + next(&words);
    return sum;
}

static bool begin_s3(struct words *words, const char *data, size_t size, bool *has_sum)
{
    static const char end[] = "endhdr\n";
    const char *found =
        starts_with(data, size, "s3\n") ? g_strstr_len(data, (gssize)MIN(size, 4096), end) : NULL;
    if (!found)
        return false;
    size_t head = (size_t)(found - data) + strlen(end);
    *has_sum = g_strstr_len(data, (gssize)head, "chksum0 yes") != NULL;
    words->reader = dub_reader_on(data + head, size - head);
    uint32_t order = next(words);
    words->big_endian = order != S3_ORDER;
    return !words->reader.failed && (order == S3_ORDER || order == GUINT32_SWAP_LE_BE(S3_ORDER));
}

/* dimensions: words before the number of floats. vectors: the second of them says how many more words are. */
static const char *s3_fault(const char *data, size_t size, unsigned dimensions, bool vectors)
{
    struct words words = {0};
    bool has_sum = false;
    if (!begin_s3(&words, data, size, &has_sum))
        return DAMAGED;
    struct words body = words;
    uint32_t second = 0;
    for (unsigned i = 0; i < dimensions; i++) {
        uint32_t value = next(&words);
        second = i == 1 ? value : second;
    }
    if (vectors)
        skip(&words, times(second, 4));
    uint32_t floats = next(&words);
    if (words.reader.failed || !skip(&words, times(floats, 4)))
        return CUT_SHORT;
    size_t count = (words.reader.at - body.reader.at) / 4;
    uint32_t written = has_sum ? next(&words) : 0;
    if (words.reader.failed)
        return CUT_SHORT;
    return has_sum && written != checksum(body, count) ? DAMAGED : NULL;
}

/* ---- mdef ---- */

enum mdef_head {
    N_CIPHONE,
    N_PHONE,
    N_EMIT_STATE,
    N_CI_SEN,
    N_SEN,
    N_TMAT,
    N_SSEQ,
    N_CTX,
    N_CD_TREE,
    SIL,
    N_MDEF
};

static bool skip_names(struct words *words, uint32_t count)
{
    size_t start = words->reader.at;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = words->reader.data + words->reader.at;
        const uint8_t *end = memchr(from, '\0', dub_reader_left(&words->reader));
        if (!end || !skip(words, (uint64_t)(end - from) + 1))
            return false;
    }
    return skip(words, (4 - (words->reader.at - start) % 4) % 4);
}

/* After the names: the tree of contexts, the phones, and the states of each sequence, whose lengths stand for
 * themselves where they differ. */
static bool skip_mdef_tables(struct words *words, const uint32_t *head)
{
    if (!skip(words, plus(times(head[N_CD_TREE], 8), times(head[N_PHONE], 12))))
        return false;
    uint32_t states = next(words);
    uint64_t lengths = head[N_EMIT_STATE] ? 0 : head[N_SSEQ];
    return !words->reader.failed && skip(words, plus(times(states, 2), lengths));
}

static const char *mdef_fault(const char *data, size_t size)
{
    struct words words = {.reader = dub_reader_on(data, size)};
    uint32_t head[N_MDEF];
    if (starts_with(data, size, "0.3"))
        return lines_fault(data, size);
    words.big_endian = starts_with(data, size, "FDMB");
    if (!words.big_endian && !starts_with(data, size, "BMDF"))
        return DAMAGED;
    skip(&words, 8); /* magic, version */
    skip(&words, next(&words));
    for (int i = 0; i < N_MDEF; i++)
        head[i] = next(&words);
    if (words.reader.failed || !skip_names(&words, head[N_CIPHONE]) || !skip_mdef_tables(&words, head))
        return CUT_SHORT;
    return NULL;
}

/* ---- sendump: strings with their lengths, the last of length 0; some of them are "name number" ---- */

struct sendump {
    uint64_t features, densities, senones, clusters, bits;
};

static void take_count(struct sendump *head, const char *text, size_t length)
{
    const struct {
        const char *name;
        uint64_t *value;
    } counts[] = {{"feature_count ", &head->features},
                  {"mixture_count ", &head->densities},
                  {"model_count ", &head->senones},
                  {"cluster_count ", &head->clusters},
                  {"cluster_bits ", &head->bits}};
    char number[16] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        size_t prefix = strlen(counts[i].name);
        if (!starts_with(text, length, counts[i].name))
            continue;
        memcpy(number, text + prefix, MIN(length - prefix, sizeof number - 1));
        *counts[i].value = g_ascii_strtoull(number, NULL, 10);
    }
}

static bool read_strings(struct words *words, struct sendump *head)
{
    uint32_t length;
    while ((length = next(words)) != 0) {
        const uint8_t *text = dub_read_bytes(&words->reader, length);
        if (!text)
            return false;
        take_count(head, (const char *)text, length);
    }
    return !words->reader.failed;
}

static const char *sendump_fault(const char *data, size_t size)
{
    struct words words = {.reader = dub_reader_on(data, size)};
    struct sendump head = {.features = 1, .bits = 8};
    struct words peek = words;
    uint32_t title = next(&peek);
    words.big_endian = title < 1 || title > 999;
    if (!read_strings(&words, &head))
        return CUT_SHORT;
    if (head.clusters == 0) {
        head.densities = next(&words);
        head.senones = next(&words);
    }
    if (words.reader.failed)
        return CUT_SHORT;
    uint64_t row = head.bits == 4 ? head.senones / 2 + head.senones % 2 : head.senones;
    uint64_t rows = times(head.features, head.densities);
    if (rows == 0 || row == 0)
        return DAMAGED;
    return skip(&words, plus(head.clusters, times(rows, row))) ? NULL : CUT_SHORT;
}

/* ---- language models ---- */

static unsigned bits_for(uint32_t most)
{
    unsigned bits = 0;
    for (; most > 0; most >>= 1)
        bits++;
    return bits;
}

/* A table of entries packed to the bit, with room for a last 64-bit access. */
static uint64_t packed_bytes(uint32_t entries, uint32_t words, unsigned more_bits)
{
    return plus(plus(times((uint64_t)entries + 1, bits_for(words) + more_bits), 7) / 8, 8);
}

static uint64_t trie_bytes(const uint32_t *counts, unsigned order)
{
    enum { QUANTISED = 4 << 16, UNIGRAM = 12, PROBABILITY_BITS = 16, BACKOFF_BITS = 16 };
    uint64_t bytes = times((uint64_t)counts[0] + 1, UNIGRAM);
    if (order < 2)
        return bytes;
    bytes = plus(bytes, 4 + QUANTISED + (uint64_t)(order - 2) * 2 * QUANTISED);
    for (unsigned i = 1; i + 1 < order; i++)
        bytes = plus(bytes, packed_bytes(counts[i], counts[0],
                                         PROBABILITY_BITS + BACKOFF_BITS + bits_for(counts[i + 1])));
    return plus(bytes, packed_bytes(counts[order - 1], counts[0], PROBABILITY_BITS));
}

static const char *trie_fault(const char *data, size_t size)
{
    enum { MAX_ORDER = 5 };
    struct words words = {.reader = dub_reader_on(data, size)};
    uint32_t counts[MAX_ORDER] = {0};
    skip(&words, strlen(TRIE_MAGIC));
    unsigned order = dub_read_u8(&words.reader);
    if (words.reader.failed)
        return CUT_SHORT;
    if (order < 1 || order > MAX_ORDER)
        return DAMAGED;
    for (unsigned i = 0; i < order; i++)
        counts[i] = next(&words);
    if (words.reader.failed || !skip(&words, trie_bytes(counts, order)))
        return CUT_SHORT;
    uint32_t strings = next(&words);
    return words.reader.failed || !skip(&words, strings) ? CUT_SHORT : NULL;
}

static const char *language_fault(const char *data, size_t size)
{
    static const char end[] = "\\end\\";
    if (starts_with(data, size, TRIE_MAGIC))
        return trie_fault(data, size);
    if (size < MIN_OTHER_BYTES && !g_strstr_len(data, (gssize)size, "\\data\\"))
        return CUT_SHORT;
    if (!g_strstr_len(data, (gssize)MIN(size, 65536), "\\data\\"))
        return NULL;
    size_t tail = MIN(size, 64);
    return g_strstr_len(data + size - tail, (gssize)tail, end) ? NULL : CUT_SHORT;
}

const char *sphinx_file_fault(enum sphinx_file kind, const void *data, size_t size)
{
    if (size == 0)
        return CUT_SHORT;
    switch (kind) {
    case SPHINX_MDEF:
        return mdef_fault(data, size);
    case SPHINX_GAUSSIANS:
        return s3_fault(data, size, 3, true);
    case SPHINX_TRANSITIONS:
    case SPHINX_WEIGHTS:
        return s3_fault(data, size, 3, false);
    case SPHINX_SENDUMP:
        return sendump_fault(data, size);
    case SPHINX_LANGUAGE:
        return language_fault(data, size);
    case SPHINX_LINES:
        return lines_fault(data, size);
    }
    return DAMAGED;
}
