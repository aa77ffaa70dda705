/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configuration: one table per program says every variable, its flag, default, meaning and range.
 *
 * A value comes from the default, then the environment, then the command line. Loading checks everything and
 * reports all problems together. The same table prints --help and --print-config, and a test holds
 * .env.example against it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dub_config_type {
    DUB_CONFIG_STRING,   /* target: char * (owned by the struct, freed by dub_config_clear) */
    DUB_CONFIG_INT,      /* target: int64_t, min..max */
    DUB_CONFIG_BOOL,     /* target: bool; true/false, yes/no, 1/0, on/off */
    DUB_CONFIG_DURATION, /* target: int64_t ns, min..max in ns; "250ms", "10s", "2m", "1h" */
    DUB_CONFIG_BYTES,    /* target: int64_t bytes, min..max; "10MiB", "512k", "1048576" */
    DUB_CONFIG_CHOICE,   /* target: int, the index in choices */
    DUB_CONFIG_ADDRESS,  /* target: char *, "host:port" or ":port", port 0..65535 */
};

enum dub_config_flags {
    DUB_CONFIG_SECRET = 1 << 0,   /* masked when printed; also read from the file named in <NAME>_FILE */
    DUB_CONFIG_REQUIRED = 1 << 1, /* may not be empty */
    DUB_CONFIG_URL = 1 << 2, /* a string that holds a URL: stream keys and passwords masked when printed */
};

struct dub_config_item {
    const char *name; /* "WORKER_LATENCY" */
    const char *flag; /* "latency": --latency=3s or --latency 3s */
    enum dub_config_type type;
    const char *default_value;  /* as it would be written; NULL: empty */
    const char *help;           /* one line */
    size_t offset;              /* of the target in the program's settings struct */
    int64_t min, max;           /* both 0: unchecked */
    const char *const *choices; /* NULL-terminated, for DUB_CONFIG_CHOICE */
    unsigned flags;
};

/* The variables that every program has (LOG_LEVEL ... INSTANCE_ID). Embed as the first member of the settings
 * struct; the items below are then found at offset 0. */
struct dub_common_settings {
    char *log_level;
    char *log_format;
    char *log_dir;
    int64_t log_max_bytes;
    int64_t log_max_files;
    char *run_id;
    char *instance_id;
};

struct dub_config_program {
    const char *name;                    /* "media-worker" */
    const char *summary;                 /* one line for --help */
    const char *usage;                   /* what follows the name in the usage line; NULL: "[OPTION...]" */
    const struct dub_config_item *items; /* ends with name == NULL; the common ones are added by the loader */
    /* Optional: checks across values and of what they name; appends one line per problem (without newline) to
     * problems. A value that was wrong by itself is there as its default. */
    void (*check)(const void *settings, GPtrArray *problems);
};

enum dub_config_result {
    DUB_CONFIG_OK,
    DUB_CONFIG_EXIT_SUCCESS, /* --help, --version or --print-config was asked for and has been printed */
    DUB_CONFIG_EXIT_USAGE,   /* problems were printed on stderr: exit with 2 */
};

/* Reads environ and argv into settings (zeroed by the caller). Positional arguments are collected in
 * *positional when not NULL (g_strfreev), refused otherwise. Main thread, before others start. */
enum dub_config_result dub_config_load(const struct dub_config_program *program, int argc, char **argv,
                                       void *settings, char ***positional);
/* Frees the strings. */
void dub_config_clear(const struct dub_config_program *program, void *settings);

/* "250ms", "10s", "1.5s", "2m", "1h" -> ns. No sign, no space. False when it is not one. */
bool dub_parse_duration(const char *text, int64_t *duration_ns);
/* "1048576", "512k"/"512KiB", "10MiB", "2GiB" -> bytes (all binary multiples). */
bool dub_parse_bytes(const char *text, int64_t *bytes);
/* Splits "host:port", "[::1]:port", ":port" (host becomes ""). host is owned by the caller on success. */
bool dub_parse_address(const char *text, char **host, uint16_t *port);
