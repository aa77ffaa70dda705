/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h264_parameters.h"

#include <dubbing_bytes.h>

enum { FLV_KEY_AVC = 0x17, AVC_SEQUENCE_HEADER = 0, RECORD_VERSION = 1, MAX_PPS_IN_RECORD = 255 };

static void clear_sets(GBytes **sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        g_clear_pointer(&sets[i], g_bytes_unref);
}

void h264_parameters_clear(struct h264_parameters *parameters)
{
    clear_sets(parameters->sps, G_N_ELEMENTS(parameters->sps));
    clear_sets(parameters->pps, G_N_ELEMENTS(parameters->pps));
    parameters->changed = true;
}

static GBytes **find_slot(struct h264_parameters *parameters, const uint8_t *nal, size_t size)
{
    struct h264_sps sps;
    unsigned id = 0;
    switch (size > 0 ? h264_nal_type(nal[0]) : 0) {
    case H264_NAL_SPS:
        return h264_sps_parse(nal, size, &sps) ? &parameters->sps[sps.id] : NULL;
    case H264_NAL_PPS:
        return h264_pps_parse_id(nal, size, &id) ? &parameters->pps[id] : NULL;
    default:
        return NULL;
    }
}

bool h264_parameters_put(struct h264_parameters *parameters, const uint8_t *nal, size_t size)
{
    GBytes **slot = find_slot(parameters, nal, size);
    if (slot == NULL)
        return false;
    GBytes *bytes = g_bytes_new(nal, size);
    if (*slot != NULL && g_bytes_equal(*slot, bytes)) {
        g_bytes_unref(bytes);
        return true;
    }
    g_clear_pointer(slot, g_bytes_unref);
    *slot = bytes;
    parameters->changed = true;
    return true;
}

static unsigned count_sets(GBytes *const *sets, size_t count)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found += sets[i] != NULL;
    return found;
}

static void write_sets(GByteArray *out, GBytes *const *sets, size_t count, unsigned max)
{
    for (size_t i = 0; i < count && max > 0; i++) {
        if (sets[i] == NULL)
            continue;
        dub_write_be16(out, (uint16_t)g_bytes_get_size(sets[i]));
        dub_write_bytes(out, g_bytes_get_data(sets[i], NULL), g_bytes_get_size(sets[i]));
        max--;
    }
}

/* Only these profiles have the extension. */
static bool has_extension(uint8_t profile)
{
    return profile == 100 || profile == 110 || profile == 122 || profile == 144;
}

GBytes *h264_parameters_flv_body(const struct h264_parameters *parameters)
{
    struct h264_sps sps;
    unsigned n_sps = MIN(count_sets(parameters->sps, G_N_ELEMENTS(parameters->sps)), 31);
    unsigned n_pps = MIN(count_sets(parameters->pps, G_N_ELEMENTS(parameters->pps)), MAX_PPS_IN_RECORD);
    if (n_pps == 0 || !h264_parameters_get_sps(parameters, &sps))
        return NULL;
    GByteArray *out = g_byte_array_new();
    dub_write_u8(out, FLV_KEY_AVC);
    dub_write_u8(out, AVC_SEQUENCE_HEADER);
    dub_write_be24(out, 0);
    dub_write_u8(out, RECORD_VERSION);
    dub_write_u8(out, sps.profile);
    dub_write_u8(out, sps.constraints);
    dub_write_u8(out, sps.level);
    dub_write_u8(out, 0xfc | 3); /* lengths of four bytes */
    dub_write_u8(out, (uint8_t)(0xe0 | n_sps));
    write_sets(out, parameters->sps, G_N_ELEMENTS(parameters->sps), n_sps);
    dub_write_u8(out, (uint8_t)n_pps);
    write_sets(out, parameters->pps, G_N_ELEMENTS(parameters->pps), n_pps);
    if (has_extension(sps.profile)) {
        dub_write_u8(out, (uint8_t)(0xfc | sps.chroma_format));
        dub_write_u8(out, (uint8_t)(0xf8 | (sps.luma_depth - 8)));
        dub_write_u8(out, (uint8_t)(0xf8 | (sps.chroma_depth - 8)));
        dub_write_u8(out, 0);
    }
    return g_byte_array_free_to_bytes(out);
}

/* A broken set is left out; the decoder may do without it. */
static void read_sets(struct h264_parameters *parameters, struct dub_reader *reader, unsigned count)
{
    for (unsigned i = 0; i < count && !reader->failed; i++) {
        size_t size = dub_read_be16(reader);
        const uint8_t *nal = dub_read_bytes(reader, size);
        if (nal != NULL)
            h264_parameters_put(parameters, nal, size);
    }
}

bool h264_parameters_read(struct h264_parameters *parameters, const uint8_t *record, size_t size,
                          unsigned *length_bytes)
{
    struct dub_reader reader = dub_reader_on(record, size);
    h264_parameters_clear(parameters);
    uint8_t version = dub_read_u8(&reader);
    dub_reader_skip(&reader, 3);
    *length_bytes = (dub_read_u8(&reader) & 3u) + 1;
    read_sets(parameters, &reader, dub_read_u8(&reader) & 31u);
    read_sets(parameters, &reader, dub_read_u8(&reader));
    return !reader.failed && version == RECORD_VERSION && *length_bytes != 3 &&
           count_sets(parameters->sps, G_N_ELEMENTS(parameters->sps)) > 0;
}

void h264_parameters_for_each(const struct h264_parameters *parameters, void (*each)(GBytes *nal, void *user),
                              void *user)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parameters->sps); i++)
        if (parameters->sps[i] != NULL)
            each(parameters->sps[i], user);
    for (size_t i = 0; i < G_N_ELEMENTS(parameters->pps); i++)
        if (parameters->pps[i] != NULL)
            each(parameters->pps[i], user);
}

bool h264_parameters_get_sps(const struct h264_parameters *parameters, struct h264_sps *sps)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parameters->sps); i++)
        if (parameters->sps[i] != NULL)
            return h264_sps_parse(g_bytes_get_data(parameters->sps[i], NULL),
                                  g_bytes_get_size(parameters->sps[i]), sps);
    return false;
}
