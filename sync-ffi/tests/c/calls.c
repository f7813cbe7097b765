/* The whole of it from C: progress, stopping in every way, conflicts, history, undo, the trash, a live session. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

struct seen {
    pthread_t thread;
    int told;
    int acted;
    int in_call;
    bothways_session *session;
    bothways_cancel *cancel;
    const char *left;
    const char *right;
    int ready;
    int cycles;
    int turns;
};

static int32_t follow(const bothways_progress *progress, void *user) {
    struct seen *seen = user;
    /* On the thread of the call, and never two at a time. */
    CHECK(pthread_equal(seen->thread, pthread_self()));
    CHECK(seen->in_call == 0);
    seen->in_call = 1;
    seen->told += 1;
    if (progress->phase == BOTHWAYS_PHASE_ACT) {
        seen->acted = 1;
        CHECK(progress->done <= progress->total || progress->total == 0);
    }
    seen->in_call = 0;
    return 0;
}

static void one_cycle(bothways_session *session, char **arguments) {
    char *json = NULL;
    struct seen seen = {.thread = pthread_self()};
    bothways_watch watch = {.size = sizeof watch, .progress = follow, .user = &seen};
    write_file(arguments[1], "a", "one");
    write_file(arguments[2], "b", "two");
    RESULT(bothways_session_plan(session, 0, &watch, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(!is_file(arguments[2], "a"));
    RESULT(bothways_session_sync(session, 0, &watch, &json), BOTHWAYS_STATUS_OK, "\"run\":1");
    CHECK(is_file(arguments[2], "a") && is_file(arguments[1], "b"));
    CHECK(seen.told > 1 && seen.acted);
    RESULT(bothways_session_scan(session, &watch, &json), BOTHWAYS_STATUS_OK, "\"both\"");
    RESULT(bothways_session_explain(session, "a", &watch, &json), BOTHWAYS_STATUS_OK, "\"unchanged\"");
    RESULT(bothways_session_status(session, 24, &json), BOTHWAYS_STATUS_OK, "\"format\":1");
    RESULT(bothways_session_history(session, "{\"limit\":5}", &json), BOTHWAYS_STATUS_OK, "\"run\":1");
    RESULT(bothways_session_run(session, 1, &json), BOTHWAYS_STATUS_OK, "\"rows\"");
}

static void a_conflict(bothways_session *session, char **arguments) {
    char *json = NULL;
    const char *paths[] = {"a"};
    write_file(arguments[1], "a", "one, and more on the left");
    write_file(arguments[2], "a", "one, and something else on the right");
    RESULT(bothways_session_plan(session, 0, NULL, &json), BOTHWAYS_STATUS_LOOK, "both-changed");
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_LOOK, "\"clash_path\":\"a - clash");
    RESULT(bothways_session_conflicts(session, BOTHWAYS_FLAG_ALL, &json), BOTHWAYS_STATUS_OK, "both-changed");
    RESULT(bothways_session_conflict(session, "a", NULL, &json), BOTHWAYS_STATUS_OK, "both-changed");
    RESULT(bothways_session_resolve(session, paths, 1, BOTHWAYS_KEEP_LEFT, 0, NULL, &json), BOTHWAYS_STATUS_OK,
           "\"keep\":\"left\"");
    RESULT(bothways_session_resync(session, paths, 1, NULL, &json), BOTHWAYS_STATUS_OK, "\"examined\":1");
    /* A path that was mistyped does not look like one that is in order. */
    const char *nothing[] = {"aa"};
    RESULT(bothways_session_resync(session, nothing, 1, NULL, &json), BOTHWAYS_STATUS_LOOK, "\"examined\":0");
}

static void put_away_and_back(bothways_session *session, char **arguments) {
    char *json = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/b", arguments[1]);
    CHECK(unlink(path) == 0);
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "SOFT_DELETE_RIGHT");
    CHECK(!is_file(arguments[2], "b"));
    RESULT(bothways_session_trash(session, "{\"paths\":[\"b\"],\"side\":\"right\"}", &json), BOTHWAYS_STATUS_OK,
           "\"path\":\"b\"");
    RESULT(bothways_session_restore(session, "{\"paths\":[\"b\"]}", BOTHWAYS_FLAG_DRY_RUN, NULL, &json),
           BOTHWAYS_STATUS_OK, "\"dry_run\":true");
    CHECK(!is_file(arguments[2], "b"));
    RESULT(bothways_session_restore(session, "{\"paths\":[\"b\"]}", 0, NULL, &json), BOTHWAYS_STATUS_OK,
           "\"dry_run\":false");
    CHECK(is_file(arguments[2], "b"));
    RESULT(bothways_session_undo(session, 1, BOTHWAYS_FLAG_DRY_RUN, NULL, &json), BOTHWAYS_STATUS_LOOK, "\"dry_run\":true");
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_RIGHT_TO_LEFT");
    RESULT(bothways_session_purge(session, NULL, 0, &json), BOTHWAYS_STATUS_OK, "\"purged\"");
}

/* A plan that is reviewed is carried out once, and only as it was written. */
static void reviewed(bothways_session *session, char **arguments) {
    char *json = NULL;
    char file[4096];
    snprintf(file, sizeof file, "%s.plan.json", arguments[3]);
    write_file(arguments[1], "reviewed", "this one");
    RESULT(bothways_session_plan_to_review(session, file, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(is_file("", file) && !is_file(arguments[2], "reviewed"));
    write_file(arguments[1], "later", "not that one");
    RESULT(bothways_session_sync_reviewed(session, file, 0, NULL, &json), BOTHWAYS_STATUS_OK, "\"not_in_plan\":1");
    CHECK(is_file(arguments[2], "reviewed") && !is_file(arguments[2], "later"));
    RESULT(bothways_session_sync_reviewed(session, file, 0, NULL, &json), BOTHWAYS_STATUS_LOOK, "\"left_out\":[{");
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    write_file("", file, "{\"plan_file\":1}");
    ANSWERS(bothways_session_sync_reviewed(session, file, 0, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(session), file) && json == NULL);
}

static void stopping(bothways_session *session, char **arguments) {
    char *json = NULL;
    struct seen seen = {.thread = pthread_self()};
    bothways_watch watch = {.size = sizeof watch, .user = &seen};
    ANSWERS(bothways_cancel_new(&watch.cancel), BOTHWAYS_STATUS_OK);
    write_file(arguments[1], "c", "three");
    /* Uttered before the call: nothing is changed. */
    ANSWERS(bothways_cancel_request(watch.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_sync(session, 0, &watch, &json), BOTHWAYS_STATUS_CANCELLED);
    CHECK(json == NULL && !is_file(arguments[2], "c") && strlen(last_error(session)) > 0);
    /* The handle may go while nobody uses it. */
    ANSWERS(bothways_cancel_close(watch.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_sync(session, 0, &watch, &json), BOTHWAYS_STATUS_CLOSED_HANDLE);
    watch.cancel = NULL;
    RESULT(bothways_session_sync(session, 0, &watch, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(is_file(arguments[2], "c"));
}

/* Comes back to the session in the middle of a slow copy, and then stops it. */
static int32_t come_back(const bothways_progress *progress, void *user) {
    struct seen *seen = user;
    if (progress->phase != BOTHWAYS_PHASE_ACT || seen->acted) {
        return seen->acted;
    }
    seen->acted = 1;
    char *json = NULL;
    ANSWERS(bothways_session_status(seen->session, 1, &json), BOTHWAYS_STATUS_BUSY);
    CHECK(json == NULL && strlen(last_error(seen->session)) > 0);
    ANSWERS(bothways_session_close(seen->session), BOTHWAYS_STATUS_BUSY);
    return 1;
}

enum { SLOW_FILES = 60 };

static void stopped_half_way(char **arguments) {
    char text[16384];
    snprintf(text, sizeof text,
             "left_root = '%s'\nright_root = '%s'\n[performance]\nbandwidth_limit = '100 KiB'\n", arguments[1],
             arguments[2]);
    bothways_config *config = NULL;
    ANSWERS(bothways_config_new(&config), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_parse(config, text, "slow.toml"), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_state(config, arguments[3]), BOTHWAYS_STATUS_OK);
    /* At that pace they take a minute. */
    static char large[100 << 10];
    memset(large, 'x', sizeof large - 1);
    char name[32];
    for (int each = 0; each < SLOW_FILES; each++) {
        snprintf(name, sizeof name, "slow%d", each);
        write_file(arguments[1], name, large);
    }
    struct seen seen = {.thread = pthread_self()};
    ANSWERS(bothways_session_open(config, 0, &seen.session), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {.size = sizeof watch, .progress = come_back, .user = &seen};
    char *json = NULL;
    RESULT(bothways_session_sync(seen.session, 0, &watch, &json), BOTHWAYS_STATUS_LOOK, "\"cancelled\":true");
    int arrived = 0;
    for (int each = 0; each < SLOW_FILES; each++) {
        snprintf(name, sizeof name, "slow%d", each);
        arrived += is_file(arguments[2], name);
    }
    CHECK(seen.acted && arrived < SLOW_FILES);
    ANSWERS(bothways_session_close(seen.session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
}

static int32_t hear(int32_t event, const char *json, void *user) {
    struct seen *seen = user;
    CHECK(pthread_equal(seen->thread, pthread_self()));
    CHECK(json != NULL && json[0] == '{');
    if (event == BOTHWAYS_EVENT_READY) {
        seen->ready = 1;
    }
    if (event == BOTHWAYS_EVENT_CYCLE) {
        seen->cycles += 1;
        CHECK(strstr(json, "\"run\"") != NULL);
    }
    return 0;
}

/* Writes once the session is ready, and stops it once that has arrived. */
static int32_t turn(const bothways_progress *progress, void *user) {
    struct seen *seen = user;
    (void)progress;
    seen->turns += 1;
    if (seen->ready == 1 && seen->turns > 3) {
        write_file(seen->left, "live", "made while it runs");
        seen->ready = 2;
    }
    return seen->ready == 2 && seen->cycles > 0 && is_file(seen->right, "live");
}

static void live(bothways_config *config, char **arguments) {
    struct seen seen = {.thread = pthread_self(), .left = arguments[1], .right = arguments[2]};
    bothways_watch watch = {.size = sizeof watch, .progress = turn, .event = hear, .user = &seen};
    ANSWERS(bothways_live(config, 0, &watch), BOTHWAYS_STATUS_OK);
    CHECK(is_file(arguments[2], "live"));
}

static void *utter(void *given) {
    struct seen *seen = given;
    usleep(300000);
    ANSWERS(bothways_cancel_request(seen->cancel), BOTHWAYS_STATUS_OK);
    return NULL;
}

/* A live session that another thread stops. */
static void stopped_from_outside(bothways_config *config) {
    struct seen seen = {.thread = pthread_self()};
    ANSWERS(bothways_cancel_new(&seen.cancel), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {.size = sizeof watch, .event = hear, .user = &seen, .cancel = seen.cancel};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, utter, &seen) == 0);
    ANSWERS(bothways_live(config, 0, &watch), BOTHWAYS_STATUS_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    ANSWERS(bothways_cancel_close(seen.cancel), BOTHWAYS_STATUS_OK);
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    bothways_config *config = configured(arguments);
    char *json = NULL;
    RESULT(bothways_config_check(config, NULL, &json), BOTHWAYS_STATUS_OK, "\"abilities\"");
    RESULT(bothways_config_check_alerts(config, NULL, &json), BOTHWAYS_STATUS_LOOK, "alerts go nowhere");
    bothways_session *session = NULL;
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    one_cycle(session, arguments);
    a_conflict(session, arguments);
    put_away_and_back(session, arguments);
    reviewed(session, arguments);
    stopping(session, arguments);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    stopped_half_way(arguments);
    live(config, arguments);
    stopped_from_outside(config);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    puts("calls: fine");
    return 0;
}
