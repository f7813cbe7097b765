/* What the test programs share: checks that end the program, and small files. */
#ifndef CHECK_H
#define CHECK_H

#include <bothways.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define ANSWERS(call, wanted)                                                                                          \
    do {                                                                                                               \
        bothways_status got_ = (call);                                                                                 \
        if (got_ != (wanted)) {                                                                                        \
            fprintf(stderr, "%s:%d: %s is %d (%s), not %d\n", __FILE__, __LINE__, #call, (int)got_,                    \
                    bothways_status_text(got_), (int)(wanted));                                                        \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The last error of a handle, in one place that the next call reuses. */
static inline const char *last_error(const void *handle) {
    static char words[2048];
    size_t needed = 0;
    bothways_status status = bothways_last_error(handle, words, sizeof words, &needed);
    CHECK(status == BOTHWAYS_STATUS_OK);
    CHECK(needed == strlen(words) + 1);
    return words;
}

/* The place of the result: when it is read, the call has been made. */
static inline char *wanted(bothways_status got, bothways_status status, char **result, const char *part) {
    char *json = *result;
    if (got != status) {
        fprintf(stderr, "%s\n", json != NULL ? json : "no result");
    }
    ANSWERS(got, status);
    CHECK(json != NULL);
    if (strstr(json, part) == NULL) {
        fprintf(stderr, "`%s` is not in %s\n", part, json);
        exit(1);
    }
    *result = NULL;
    return json;
}

#define RESULT(call, status, part)                                                                                     \
    ANSWERS(bothways_text_free(wanted((call), (status), &json, (part))), BOTHWAYS_STATUS_OK)

static inline void write_file(const char *folder, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs(text, file);
    CHECK(fclose(file) == 0);
}

static inline int is_file(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        fclose(file);
    }
    return file != NULL;
}

/* A configuration of the three folders that a test program is given. */
static inline bothways_config *configured(char **arguments) {
    bothways_config *config = NULL;
    ANSWERS(bothways_config_new(&config), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_roots(config, arguments[1], arguments[2]), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_state(config, arguments[3]), BOTHWAYS_STATUS_OK);
    return config;
}

#endif
