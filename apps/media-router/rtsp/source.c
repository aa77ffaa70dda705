/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include <dubbing_clock.h>
#include <string.h>

GHashTable *rtsp_sources_new(void)
{
    return g_hash_table_new(g_str_hash, g_str_equal);
}

/* False once the stream that it was made for is another one. */
static bool is_current(const struct rtsp_source *source, const struct router_path *path)
{
    return path->online_wall_ms == source->online_wall_ms &&
           strcmp(path->publisher->id, source->publisher_id) == 0 && !rtp_writer_is_stale(source->writer);
}

/* While nobody reads, nobody tells the writer of new parameter sets. */
static void learn(const struct rtsp_source *source, const struct stream *stream)
{
    static const enum media_kind kinds[] = {MEDIA_VIDEO, MEDIA_AUDIO};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (stream->config[kinds[i]] != NULL)
            rtp_writer_packets(source->writer, stream->config[kinds[i]]);
}

static struct rtsp_source *add(GHashTable *sources, const struct router_path *path,
                               struct rtp_writer *take_writer)
{
    struct rtsp_source *source = g_new0(struct rtsp_source, 1);
    g_ref_count_init(&source->refs);
    source->sources = sources;
    source->path = g_strdup(path->name);
    source->publisher_id = g_strdup(path->publisher->id);
    source->online_wall_ms = path->online_wall_ms;
    source->writer = take_writer;
    g_hash_table_replace(sources, source->path, source);
    return source;
}

struct rtsp_source *rtsp_source_get(GHashTable *sources, struct router *router, const char *path,
                                    struct dub_error *error)
{
    struct router_path *found = router_find_path(router, path);
    if (found == NULL || !found->ready) {
        dub_error_set(error, DUB_ERROR_NOT_FOUND, "no one is publishing to path %s", path);
        return NULL;
    }
    struct rtsp_source *source = g_hash_table_lookup(sources, path);
    if (source != NULL)
        learn(source, &found->stream);
    if (source != NULL && is_current(source, found)) {
        g_ref_count_inc(&source->refs);
        return source;
    }
    struct rtp_writer *writer = rtp_writer_new(&found->stream, dub_wall_time_ms() * DUB_NS_PER_MS, error);
    return writer != NULL ? add(sources, found, writer) : NULL;
}

void rtsp_source_unref(struct rtsp_source *source)
{
    if (source == NULL || !g_ref_count_dec(&source->refs))
        return;
    if (g_hash_table_lookup(source->sources, source->path) == source)
        g_hash_table_remove(source->sources, source->path);
    rtp_writer_free(source->writer);
    g_free(source->path);
    g_free(source->publisher_id);
    g_free(source);
}
