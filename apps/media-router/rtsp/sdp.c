/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp.h"

#include "h264_sps.h"
#include "rtp_timeline.h"
#include "sdp_format.h"

#include <string.h>

G_STATIC_ASSERT(SDP_MAX_TRACKS <= RTP_TIMELINE_MAX_TRACKS);

enum { MAX_FORMATS = 16, MAX_LINE_IN_ERROR = 80 };

/* An m= line and what follows it. Formats are payload types; the arrays go by their index. */
struct section {
    enum media_kind kind;
    bool is_rtp;
    unsigned count;
    unsigned formats[MAX_FORMATS];
    char *rtpmaps[MAX_FORMATS], *fmtps[MAX_FORMATS];
    char *control;
    char *protocol;
};

static void clear_section(struct section *section)
{
    for (unsigned i = 0; i < section->count; i++) {
        g_free(section->rtpmaps[i]);
        g_free(section->fmtps[i]);
    }
    g_free(section->control);
    g_free(section->protocol);
    *section = (struct section){0};
}

struct sdp_track *sdp_track_new(enum media_kind kind, enum sdp_codec codec)
{
    struct sdp_track *track = g_new0(struct sdp_track, 1);
    track->kind = kind;
    track->codec = codec;
    track->channels = 1;
    track->clock_rate_hz = 90000;
    track->parameter_sets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    return track;
}

void sdp_track_free(struct sdp_track *track)
{
    if (track == NULL)
        return;
    g_free(track->encoding);
    g_free(track->control);
    g_ptr_array_unref(track->parameter_sets);
    g_clear_pointer(&track->config, g_bytes_unref);
    g_free(track);
}

static void free_track(gpointer track)
{
    sdp_track_free(track);
}

void sdp_free(struct sdp *sdp)
{
    if (sdp == NULL)
        return;
    g_free(sdp->control);
    g_ptr_array_unref(sdp->tracks);
    g_free(sdp);
}

static enum media_kind kind_of(const char *name)
{
    if (g_ascii_strcasecmp(name, "video") == 0)
        return MEDIA_VIDEO;
    return g_ascii_strcasecmp(name, "audio") == 0 ? MEDIA_AUDIO : MEDIA_DATA;
}

static bool is_plain_rtp(const char *protocol)
{
    static const char *const protocols[] = {"RTP/AVP", "RTP/AVP/TCP", "RTP/AVP/UDP", "RTP/AVPF"};
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (g_ascii_strcasecmp(protocol, protocols[i]) == 0)
            return true;
    return false;
}

/* "video 0 RTP/AVP 96 97"; section 5.14 of RFC 8866. */
static bool begin_section(struct section *section, const char *value)
{
    g_auto(GStrv) words = g_strsplit_set(value, " \t", -1);
    guint count = g_strv_length(words);
    clear_section(section);
    if (count < 3)
        return false;
    section->kind = kind_of(words[0]);
    section->is_rtp = is_plain_rtp(words[2]);
    section->protocol = g_strndup(words[2], 32);
    for (guint i = 3; i < count && section->is_rtp && section->count < MAX_FORMATS; i++) {
        guint64 number;
        if (*words[i] == '\0')
            continue;
        if (!g_ascii_string_to_unsigned(words[i], 10, 0, 127, &number, NULL))
            return false;
        section->formats[section->count++] = (unsigned)number;
    }
    return !section->is_rtp || section->count > 0;
}

/* "96 H264/90000" into the slot of payload type 96; one that no m= line names is of no interest. */
static void keep_by_format(const struct section *section, char **slots, const char *value)
{
    char *end = NULL;
    guint64 number = g_ascii_strtoull(value, &end, 10);
    for (unsigned i = 0; i < section->count; i++) {
        if (end == value || section->formats[i] != number)
            continue;
        g_free(slots[i]);
        slots[i] = g_strstrip(g_strdup(end));
    }
}

static void read_attribute(struct sdp *sdp, struct section *section, bool in_section, const char *value)
{
    char **control = in_section ? &section->control : &sdp->control;
    if (g_str_has_prefix(value, "control:")) {
        g_free(*control);
        *control = g_strstrip(g_strdup(value + strlen("control:")));
    } else if (in_section && g_str_has_prefix(value, "rtpmap:")) {
        keep_by_format(section, section->rtpmaps, value + strlen("rtpmap:"));
    } else if (in_section && g_str_has_prefix(value, "fmtp:")) {
        keep_by_format(section, section->fmtps, value + strlen("fmtp:"));
    }
}

/* The first format that the router carries, else the first. NULL with error when a known one is broken. */
static struct sdp_track *choose_format(const struct section *section, struct dub_error *error)
{
    struct sdp_track *chosen = NULL;
    for (unsigned i = 0; i < section->count && (chosen == NULL || chosen->codec == SDP_CODEC_OTHER); i++) {
        struct sdp_track *track = sdp_track_new(section->kind, SDP_CODEC_OTHER);
        track->payload_type = (uint8_t)section->formats[i];
        if (!sdp_format_read(track, section->rtpmaps[i], section->fmtps[i], error)) {
            sdp_track_free(track);
            sdp_track_free(chosen);
            return NULL;
        }
        if (chosen != NULL && track->codec == SDP_CODEC_OTHER) {
            sdp_track_free(track);
            continue;
        }
        sdp_track_free(chosen);
        chosen = track;
    }
    if (chosen != NULL)
        return chosen;
    chosen = sdp_track_new(section->kind, SDP_CODEC_OTHER);
    chosen->encoding = g_strdup(section->protocol);
    return chosen;
}

static bool has_used(const struct sdp *sdp, enum media_kind kind)
{
    for (guint i = 0; i < sdp->tracks->len; i++) {
        const struct sdp_track *track = sdp->tracks->pdata[i];
        if (track->kind == kind && track->used)
            return true;
    }
    return false;
}

static bool end_section(struct sdp *sdp, struct section *section, struct dub_error *error)
{
    if (sdp->tracks->len == SDP_MAX_TRACKS)
        return dub_error_set(error, DUB_ERROR_LIMIT, "the SDP has more than %d m= lines", SDP_MAX_TRACKS);
    struct sdp_track *track = choose_format(section, error);
    if (track == NULL)
        return false;
    track->control = g_steal_pointer(&section->control);
    track->used = track->codec != SDP_CODEC_OTHER && !has_used(sdp, track->kind);
    g_ptr_array_add(sdp->tracks, track);
    return true;
}

static bool read_line(struct sdp *sdp, struct section *section, bool *in_section, char *line,
                      struct dub_error *error)
{
    if (line[0] == 'a')
        read_attribute(sdp, section, *in_section, line + 2);
    if (line[0] != 'm')
        return true;
    if (*in_section && !end_section(sdp, section, error))
        return false;
    *in_section = true;
    return begin_section(section, line + 2) ||
           dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: \"%.*s\" is no usable m= line", MAX_LINE_IN_ERROR,
                         line);
}

static bool read_lines(struct sdp *sdp, char **lines, struct section *section, struct dub_error *error)
{
    bool in_section = false, has_version = false;
    for (unsigned i = 0; lines[i] != NULL; i++) {
        char *line = g_strchomp(lines[i]);
        if (*line == '\0')
            continue;
        if (line[0] < 'a' || line[0] > 'z' || line[1] != '=')
            return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: line %u is not of the form x=value", i + 1);
        if (!has_version && strcmp(line, "v=0") != 0)
            return dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: it does not begin with v=0");
        has_version = true;
        if (!read_line(sdp, section, &in_section, line, error))
            return false;
    }
    return !in_section || end_section(sdp, section, error);
}

static bool check_tracks(const struct sdp *sdp, struct dub_error *error)
{
    g_autofree char *summary = sdp_summary(sdp);
    if (sdp->tracks->len == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL,
                             "SDP: it has no m= line, so there is nothing to publish");
    if (has_used(sdp, MEDIA_VIDEO) || has_used(sdp, MEDIA_AUDIO))
        return true;
    return dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                         "SDP: no track that can be carried (found: %s); publish H.264 "
                         "and AAC",
                         summary);
}

struct sdp *sdp_parse(const char *text, gsize size, struct dub_error *error)
{
    if (size > SDP_MAX_BYTES) {
        dub_error_set(error, DUB_ERROR_LIMIT, "the SDP has %zu bytes, more than %u", (size_t)size,
                      SDP_MAX_BYTES);
        return NULL;
    }
    if (size > 0 && memchr(text, '\0', size) != NULL) {
        dub_error_set(error, DUB_ERROR_PROTOCOL, "SDP: it holds a zero byte");
        return NULL;
    }
    g_autofree char *copy = g_strndup(text, size);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    struct sdp *sdp = g_new0(struct sdp, 1);
    struct section section = {0};
    sdp->tracks = g_ptr_array_new_with_free_func(free_track);
    bool fine = read_lines(sdp, lines, &section, error) && check_tracks(sdp, error);
    clear_section(&section);
    if (fine)
        return sdp;
    sdp_free(sdp);
    return NULL;
}

char *sdp_summary(const struct sdp *sdp)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < sdp->tracks->len; i++) {
        const struct sdp_track *track = sdp->tracks->pdata[i];
        g_string_append_printf(out, "%s%s%s", i > 0 ? ", " : "", track->encoding,
                               !track->used && track->codec != SDP_CODEC_OTHER ? " (a second one)" : "");
    }
    return g_string_free(out, FALSE);
}

/* What is behind scheme and authority. */
static const char *path_of(const char *url)
{
    const char *authority = strstr(url, "://");
    if (authority == NULL)
        return url;
    authority += 3;
    return authority + strcspn(authority, "/?");
}

static bool is_same(const char *path, char *take_expected)
{
    size_t length = strlen(path), expected = strlen(take_expected);
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (expected > 0 && take_expected[expected - 1] == '/')
        expected--;
    bool same = length == expected && strncmp(path, take_expected, length) == 0;
    g_free(take_expected);
    return same;
}

/* Where the base URL has a query, clients put the control behind it, or between path and query, or leave the
 * query out. */
static bool matches_relative(const char *base, const char *control, const char *path)
{
    size_t length = strcspn(base, "?");
    const char *query = base + length;
    while (length > 0 && base[length - 1] == '/')
        length--;
    g_autofree char *plain = g_strndup(base, length);
    const char *slash = *control == '/' ? "" : "/";
    return is_same(path, g_strconcat(plain, query, slash, control, NULL)) ||
           is_same(path, g_strconcat(plain, slash, control, query, NULL)) ||
           is_same(path, g_strconcat(plain, slash, control, NULL));
}

static bool matches(const struct sdp *sdp, const struct sdp_track *track, const char *base, const char *path)
{
    const char *control = track->control;
    bool has_session_url = sdp->control != NULL && strstr(sdp->control, "://") != NULL;
    if (has_session_url)
        base = path_of(sdp->control);
    if (control == NULL || *control == '\0' || strcmp(control, "*") == 0)
        return sdp->tracks->len == 1 && is_same(path, g_strdup(base));
    if (strstr(control, "://") != NULL)
        return is_same(path, g_strdup(path_of(control)));
    return matches_relative(base, control, path);
}

int sdp_find_track(const struct sdp *sdp, const char *base_url, const char *request_url)
{
    for (guint i = 0; i < sdp->tracks->len; i++)
        if (matches(sdp, sdp->tracks->pdata[i], path_of(base_url), path_of(request_url)))
            return (int)i;
    return -1;
}

/* One line of text, never empty (RFC 8866 section 5.3). */
static void write_session_name(GString *out, const char *name)
{
    g_string_append(out, "s=");
    for (const char *c = name; *c != '\0'; c++)
        g_string_append_c(out, g_ascii_iscntrl(*c) ? ' ' : *c);
    g_string_append(out, *name == '\0' ? "-\r\n" : "\r\n");
}

char *sdp_write(const struct sdp_offer *offer)
{
    static const char *const kinds[] = {
        [MEDIA_AUDIO] = "audio", [MEDIA_VIDEO] = "video", [MEDIA_DATA] = "application"};
    GString *out = g_string_new("v=0\r\n");
    const char *family = strchr(offer->address, ':') != NULL ? "IP6" : "IP4";
    g_string_append_printf(out, "o=- %" G_GUINT64_FORMAT " 1 IN %s %s\r\n", offer->session_id, family,
                           offer->address);
    write_session_name(out, offer->session_name);
    g_string_append_printf(out, "c=IN %s %s\r\nt=0 0\r\na=control:*\r\n", family,
                           strchr(offer->address, ':') != NULL ? "::" : "0.0.0.0");
    for (guint i = 0; i < offer->tracks->len; i++) {
        const struct sdp_track *track = offer->tracks->pdata[i];
        g_string_append_printf(out, "m=%s 0 RTP/AVP %u\r\n", kinds[track->kind], track->payload_type);
        sdp_format_write(track, out);
        g_string_append_printf(out, "a=control:%s\r\n", track->control);
    }
    return g_string_free(out, FALSE);
}
