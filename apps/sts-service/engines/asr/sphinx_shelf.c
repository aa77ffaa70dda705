/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sphinx_shelf.h"

#include <dubbing_log.h>
#include <string.h>

struct place {
    char *key;                      /* of the hints; NULL: the place is free */
    struct sphinx_decoder *decoder; /* NULL: these hints cannot be used, which need not be tried again */
    int64_t used_ns;
};

struct sphinx_shelf {
    const struct sphinx_model *model;
    struct sphinx_decoder *plain;
    struct place places[SHELF_VOCABULARIES];
    char *turned_away; /* the last vocabulary that found no place */
};

struct sphinx_shelf *sphinx_shelf_new(const struct sphinx_model *model, struct dub_error *error)
{
    struct sphinx_decoder *plain = sphinx_decoder_load(model, error);
    if (!plain)
        return NULL;
    struct sphinx_shelf *shelf = g_new0(struct sphinx_shelf, 1);
    shelf->model = model;
    shelf->plain = plain;
    return shelf;
}

static void clear_place(struct place *place)
{
    sphinx_decoder_free(place->decoder);
    g_free(place->key);
    *place = (struct place){0};
}

void sphinx_shelf_free(struct sphinx_shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(shelf->places); i++)
        clear_place(&shelf->places[i]);
    sphinx_decoder_free(shelf->plain);
    g_free(shelf->turned_away);
    g_free(shelf);
}

static struct place *find(struct sphinx_shelf *shelf, const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(shelf->places); i++)
        if (g_strcmp0(shelf->places[i].key, key) == 0)
            return &shelf->places[i];
    return NULL;
}

/* A free place, or the one that was not used for longest, if that is long enough. */
static struct place *find_room(struct sphinx_shelf *shelf, int64_t now_ns)
{
    struct place *oldest = &shelf->places[0];
    for (size_t i = 0; i < G_N_ELEMENTS(shelf->places); i++) {
        struct place *place = &shelf->places[i];
        if (!place->key)
            return place;
        if (place->used_ns < oldest->used_ns)
            oldest = place;
    }
    return now_ns - oldest->used_ns >= SHELF_KEEP_NS ? oldest : NULL;
}

static void turn_away(struct sphinx_shelf *shelf, const struct hints *hints)
{
    if (g_strcmp0(shelf->turned_away, hints->key) == 0)
        return;
    dub_log_warn("domain hints not used: %d vocabularies are in use already", SHELF_VOCABULARIES);
    g_free(shelf->turned_away);
    shelf->turned_away = g_strdup(hints->key);
}

static void fill(struct sphinx_shelf *shelf, struct place *place, const struct hints *hints)
{
    struct dub_error error = {0};
    clear_place(place);
    place->key = g_strdup(hints->key);
    if (hints->ignored)
        dub_log_warn("domain hints ignored, not words that can be spoken: %s", hints->ignored);
    if (hints->phrases->len == 0)
        return;
    place->decoder = sphinx_decoder_load_with_hints(shelf->model, shelf->plain, hints, &error);
    if (!place->decoder)
        dub_log_warn("%s", error.message);
}

struct sphinx_decoder *sphinx_shelf_take(struct sphinx_shelf *shelf, const struct hints *hints,
                                         int64_t now_ns)
{
    struct place *place = hints ? find(shelf, hints->key) : NULL;
    if (!place)
        return shelf->plain;
    place->used_ns = now_ns;
    return place->decoder ? place->decoder : shelf->plain;
}

bool sphinx_shelf_knows(struct sphinx_shelf *shelf, const struct hints *hints)
{
    return find(shelf, hints->key) != NULL;
}

void sphinx_shelf_learn(struct sphinx_shelf *shelf, const struct hints *hints, int64_t now_ns)
{
    if (find(shelf, hints->key))
        return;
    struct place *place = find_room(shelf, now_ns);
    if (!place) {
        turn_away(shelf, hints);
        return;
    }
    fill(shelf, place, hints);
    place->used_ns = now_ns;
}
