/* Makes two folders the same from C, and tells of it.
 *
 *     cc sync_folders.c $(pkg-config --cflags --libs bothways) -o sync_folders
 *     ./sync_folders LEFT RIGHT STATE
 *
 * The folder STATE keeps what is remembered of the two others; it is made where it does not exist.
 */
#include <bothways.h>

#include <stdio.h>
#include <stdlib.h>

/* What the last call on a handle complained of. */
static void complain(const char *doing, const void *handle, bothways_status status) {
    char words[1024];
    bothways_last_error(handle, words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", doing, bothways_status_text(status), words);
}

/* Told about twenty times a second, on this thread. Another answer than 0 would stop the sync. */
static int32_t follow(const bothways_progress *progress, void *user) {
    int *told = user;
    *told += 1;
    if (progress->phase == BOTHWAYS_PHASE_ACT && progress->total > 0) {
        fprintf(stderr, "  %llu of %llu\n", (unsigned long long)progress->done, (unsigned long long)progress->total);
    }
    return 0;
}

/* A result is text that must be freed. */
static void show(const char *title, char *json) {
    printf("%s: %s\n", title, json);
    bothways_text_free(json);
}

static bothways_status run(bothways_config *config) {
    bothways_session *session = NULL;
    bothways_status status = bothways_session_open(config, 0, &session);
    if (status != BOTHWAYS_STATUS_OK) {
        complain("opening", config, status);
        return status;
    }
    int told = 0;
    bothways_watch watch = {.size = sizeof watch, .progress = follow, .user = &told};
    char *json = NULL;

    status = bothways_session_plan(session, 0, &watch, &json);
    if (json) {
        show("plan", json);
    }
    if (status == BOTHWAYS_STATUS_OK || status == BOTHWAYS_STATUS_LOOK) {
        status = bothways_session_sync(session, 0, &watch, &json);
        if (json) {
            show("done", json);
        }
    }
    if (status != BOTHWAYS_STATUS_OK && status != BOTHWAYS_STATUS_LOOK) {
        complain("syncing", session, status);
    }
    fprintf(stderr, "told %s\n", told > 0 ? "of the progress" : "nothing");
    bothways_session_close(session);
    return status;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: %s LEFT RIGHT STATE\n", arguments[0]);
        return BOTHWAYS_STATUS_USAGE;
    }
    if (bothways_abi() < BOTHWAYS_ABI) {
        fprintf(stderr, "the library is older than the header\n");
        return BOTHWAYS_STATUS_INTERNAL;
    }

    /* The decision alone needs no folders: here a file that changed on the left and was deleted on the right. */
    bothways_decision decision;
    bothways_decide(BOTHWAYS_PATH_STATE_MODIFIED, BOTHWAYS_PATH_STATE_DELETED, NULL, &decision);
    printf("rule: %s (requirement %s)\n", bothways_rule_name(decision.rule), bothways_rule_requirement(decision.rule));

    bothways_config *config = NULL;
    bothways_status status = bothways_config_new(&config);
    if (status != BOTHWAYS_STATUS_OK) {
        return status;
    }
    status = bothways_config_roots(config, arguments[1], arguments[2]);
    if (status == BOTHWAYS_STATUS_OK) {
        status = bothways_config_state(config, arguments[3]);
    }
    if (status == BOTHWAYS_STATUS_OK) {
        status = run(config);
    } else {
        complain("configuring", config, status);
    }
    bothways_config_close(config);
    return status;
}
