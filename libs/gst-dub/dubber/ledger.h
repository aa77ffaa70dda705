/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The account of every phrase: opened when it is found, settled exactly once, then taken away by whoever
 * reports it.
 *
 * Pure; the owner's lock guards it. */
#pragma once

#include <glib.h>
#include <stdint.h>

enum dub_phrase_state { DUB_PHRASE_OPEN, DUB_PHRASE_DUBBED, DUB_PHRASE_PASSTHROUGH, DUB_PHRASE_DROPPED };
#define DUB_PHRASE_STATES 4

/* Reasons of our own, beside the error codes of dubbing_error.h. */
#define DUB_REASON_TIMEOUT "TIMEOUT"     /* no clip by the latest moment it could have begun */
#define DUB_REASON_LAG_BOUND "LAG_BOUND" /* the clip before it lasted too long */
#define DUB_REASON_OVERTAKEN "OVERTAKEN" /* the next phrase's clip was due first */
#define DUB_REASON_DISABLED "DISABLED"   /* speech is found but not dubbed: sts-mode=passthrough */
#define DUB_REASON_BYPASSED "BYPASSED"   /* bypass=true meanwhile */
#define DUB_REASON_NO_SPEECH "NO_SPEECH" /* the service heard none: there is nothing to dub */
#define DUB_REASON_FLUSHED "FLUSHED"     /* the pipeline was flushed or stopped meanwhile */

struct dub_phrase {
    uint64_t id;              /* ours, from 1, in order of finding */
    uint64_t seq;             /* from 1, in order of settling; 0 while open */
    int64_t start_ns, end_ns; /* time stamps of the source */
    enum dub_phrase_state state;
    const char *reason;                               /* static; "" when dubbed */
    int64_t lag_ns;                                   /* dubbed: how far behind its source the clip began */
    char *fragment_id, *transcript, *translated_text; /* owned, never NULL */
    double speed_ratio;
    int64_t rtt_ms, asr_ms, translation_ms, tts_ms; /* 0: not known */
};

struct dub_ledger {
    GQueue open;    /* struct dub_phrase, by id */
    GQueue settled; /* likewise, by seq, until taken */
    uint64_t last_id, last_seq;
    uint64_t counts[DUB_PHRASE_STATES]; /* settled so far, by state */
    GHashTable *reasons;                /* static string -> uint64_t *, settled without a dub so far */
    int64_t last_lag_ns, max_lag_ns;    /* of dubbed phrases */
};

void dub_ledger_init(struct dub_ledger *ledger);
void dub_ledger_clear(struct dub_ledger *ledger);

/* The ledger owns the phrase. */
struct dub_phrase *dub_ledger_open(struct dub_ledger *ledger, int64_t start_ns, int64_t end_ns);
/* NULL when it is not open (any more). */
struct dub_phrase *dub_ledger_find(struct dub_ledger *ledger, uint64_t id);
/* The phrase must be open; the reason is static ("" for dubbed). */
void dub_ledger_settle(struct dub_ledger *ledger, struct dub_phrase *phrase, enum dub_phrase_state state,
                       const char *reason);
/* Settles everything open. */
void dub_ledger_settle_all(struct dub_ledger *ledger, enum dub_phrase_state state, const char *reason);
/* The oldest settled phrase not yet taken, or NULL; the caller frees it. */
struct dub_phrase *dub_ledger_take(struct dub_ledger *ledger);

/* "open", "dubbed", "passthrough", "dropped" */
const char *dub_ledger_state_name(enum dub_phrase_state state);
/* Replaces *text. NULL counts as "". */
void dub_phrase_set_text(char **text, const char *value);
void dub_phrase_free(struct dub_phrase *phrase);
