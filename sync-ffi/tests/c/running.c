/* A pair whose session runs already: every request is answered by that one, with the results that a session of the
 * program's own gives; a slow one is waited for, a broken connection kills nobody, and what ends is told. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct live {
    bothways_config *config;
    bothways_cancel *cancel;
    atomic_int ready;
    pthread_mutex_t lock;
    /* What was told of its configuration, all of it. */
    char reloaded[16384];
};

static int32_t hear(int32_t event, const char *json, void *user) {
    struct live *live = user;
    if (event == BOTHWAYS_EVENT_READY) {
        atomic_fetch_add(&live->ready, 1);
    }
    if (event == BOTHWAYS_EVENT_RELOADED) {
        pthread_mutex_lock(&live->lock);
        CHECK(strlen(live->reloaded) + strlen(json) < sizeof live->reloaded);
        strcat(live->reloaded, json);
        pthread_mutex_unlock(&live->lock);
    }
    return 0;
}

static void *run(void *user) {
    struct live *live = user;
    bothways_watch watch = {.size = sizeof watch, .event = hear, .user = live, .cancel = live->cancel};
    ANSWERS(bothways_live(live->config, 0, &watch), BOTHWAYS_STATUS_OK);
    return NULL;
}

static int was_told(struct live *live, const char *part) {
    pthread_mutex_lock(&live->lock);
    int found = strstr(live->reloaded, part) != NULL;
    pthread_mutex_unlock(&live->lock);
    return found;
}

#define SOON(what)                                                                                                     \
    do {                                                                                                               \
        int tries_ = 0;                                                                                                \
        while (!(what) && tries_++ < 1200) {                                                                           \
            usleep(50000);                                                                                             \
        }                                                                                                              \
        CHECK(what);                                                                                                   \
    } while (0)

/* Everything that can be asked of a session, while it makes no cycles of its own. */
static void requests(bothways_session *session, char **arguments, const char *plan) {
    char *json = NULL;
    const char *paths[] = {"a"};
    char path[4096];
    RESULT(bothways_session_pause(session, &json), BOTHWAYS_STATUS_OK, "\"paused\":true");
    RESULT(bothways_session_status(session, 24, &json), BOTHWAYS_STATUS_OK, "\"live\":{");
    write_file(arguments[1], "a", "one");
    RESULT(bothways_session_plan(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(!is_file(arguments[2], "a"));
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(is_file(arguments[2], "a"));
    RESULT(bothways_session_scan(session, NULL, &json), BOTHWAYS_STATUS_OK, "\"both\"");
    RESULT(bothways_session_explain(session, "a", NULL, &json), BOTHWAYS_STATUS_OK, "\"unchanged\"");

    write_file(arguments[1], "b", "two");
    RESULT(bothways_session_plan_to_review(session, plan, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    RESULT(bothways_session_sync_reviewed(session, plan, 0, NULL, &json), BOTHWAYS_STATUS_OK, "\"planned\":1");
    CHECK(is_file(arguments[2], "b"));

    write_file(arguments[1], "a", "one, and more on the left");
    write_file(arguments[2], "a", "one, and something else on the right");
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_LOOK, "both-changed");
    RESULT(bothways_session_conflicts(session, 0, &json), BOTHWAYS_STATUS_LOOK, "\"open\":1");
    RESULT(bothways_session_conflict(session, "a", NULL, &json), BOTHWAYS_STATUS_OK, "both-changed");
    RESULT(bothways_session_resolve(session, paths, 1, BOTHWAYS_KEEP_RIGHT, 0, NULL, &json), BOTHWAYS_STATUS_OK,
           "\"keep\":\"right\"");
    RESULT(bothways_session_resync(session, paths, 1, NULL, &json), BOTHWAYS_STATUS_OK, "\"examined\":1");

    snprintf(path, sizeof path, "%s/b", arguments[2]);
    CHECK(unlink(path) == 0);
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "SOFT_DELETE_LEFT");
    RESULT(bothways_session_trash(session, "{\"paths\":[\"b\"]}", &json), BOTHWAYS_STATUS_OK, "\"path\":\"b\"");
    RESULT(bothways_session_restore(session, "{\"paths\":[\"b\"]}", 0, NULL, &json), BOTHWAYS_STATUS_OK,
           "\"dry_run\":false");
    CHECK(is_file(arguments[1], "b"));
    RESULT(bothways_session_purge(session, NULL, BOTHWAYS_FLAG_DRY_RUN, &json), BOTHWAYS_STATUS_OK, "\"dry_run\":true");
    RESULT(bothways_session_history(session, NULL, &json), BOTHWAYS_STATUS_OK, "\"runs\":[{");
    RESULT(bothways_session_run(session, 1, &json), BOTHWAYS_STATUS_OK, "\"rows\"");
    RESULT(bothways_session_undo(session, 1, BOTHWAYS_FLAG_DRY_RUN, NULL, &json), BOTHWAYS_STATUS_LOOK,
           "\"dry_run\":true");

    /* What is wrong is told with the numbers of a session of one's own, and in words. */
    ANSWERS(bothways_session_run(session, 4711, &json), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_session_explain(session, "../out", NULL, &json), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_session_conflict(session, "none", NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(session), "none") && json == NULL);
    RESULT(bothways_session_resume(session, &json), BOTHWAYS_STATUS_OK, "\"paused\":false");
}

/* Sessions that may do less, beside one that runs. */
static void less(bothways_config *config) {
    char *json = NULL;
    bothways_session *looking = NULL;
    bothways_session *records = NULL;
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_READ_ONLY, &looking), BOTHWAYS_STATUS_OK);
    RESULT(bothways_session_plan(looking, 0, NULL, &json), BOTHWAYS_STATUS_OK, "\"transitions\"");
    ANSWERS(bothways_session_sync(looking, 0, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(looking), "READ_ONLY"));
    ANSWERS(bothways_session_purge(looking, NULL, 0, &json), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_RECORDS, &records), BOTHWAYS_STATUS_OK);
    RESULT(bothways_session_status(records, 24, &json), BOTHWAYS_STATUS_OK, "\"live\":{");
    ANSWERS(bothways_session_scan(records, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(records), "RECORDS"));
    ANSWERS(bothways_session_close(looking), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_close(records), BOTHWAYS_STATUS_OK);
}

enum { LARGE = 100 << 10, SLOW_FILES = 60 };

struct slow {
    bothways_session *session;
    bothways_cancel *cancel;
    atomic_int acts;
    atomic_int waits;
};

static int32_t acts(const bothways_progress *progress, void *user) {
    struct slow *slow = user;
    if (progress->phase == BOTHWAYS_PHASE_ACT) {
        atomic_store(&slow->acts, 1);
    }
    return 0;
}

static void *sync_slowly(void *user) {
    struct slow *slow = user;
    char *json = NULL;
    bothways_watch watch = {.size = sizeof watch, .progress = acts, .user = slow, .cancel = slow->cancel};
    RESULT(bothways_session_sync(slow->session, 0, &watch, &json), BOTHWAYS_STATUS_LOOK, "\"cancelled\":true");
    return NULL;
}

static int32_t hear_waiting(int32_t event, const char *json, void *user) {
    struct slow *slow = user;
    CHECK(event == BOTHWAYS_EVENT_WAITS && strstr(json, "\"message\":\""));
    atomic_fetch_add(&slow->waits, 1);
    return 0;
}

static int32_t stop_when_waiting(const bothways_progress *progress, void *user) {
    struct slow *slow = user;
    CHECK(progress->phase == BOTHWAYS_PHASE_WAIT);
    return atomic_load(&slow->waits) > 0;
}

/* The one that runs is busy for a while: another call waits, says so, and can be stopped; so can the long one. */
static void busy(bothways_config *config, struct slow *slow, char **arguments) {
    char *json = NULL;
    char name[32];
    static char large[LARGE];
    memset(large, 'x', sizeof large - 1);
    RESULT(bothways_session_pause(slow->session, &json), BOTHWAYS_STATUS_OK, "\"paused\":true");
    for (int each = 0; each < SLOW_FILES; each++) {
        snprintf(name, sizeof name, "slow%d", each);
        write_file(arguments[1], name, large);
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sync_slowly, slow) == 0);
    SOON(atomic_load(&slow->acts));
    bothways_session *other = NULL;
    ANSWERS(bothways_session_open(config, 0, &other), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {
        .size = sizeof watch, .progress = stop_when_waiting, .event = hear_waiting, .user = slow};
    /* What only reads is answered meanwhile. */
    RESULT(bothways_session_history(other, NULL, &json), BOTHWAYS_STATUS_OK, "\"runs\"");
    const char *paths[] = {"a"};
    ANSWERS(bothways_session_resync(other, paths, 1, &watch, &json), BOTHWAYS_STATUS_CANCELLED);
    CHECK(atomic_load(&slow->waits) > 0 && json == NULL);
    ANSWERS(bothways_cancel_request(slow->cancel), BOTHWAYS_STATUS_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    ANSWERS(bothways_session_close(other), BOTHWAYS_STATUS_OK);
}

/* Comes in, says hello and is gone: what the session answers meets a broken connection. */
static void hang_up(const char *state) {
    static const char hello[] = "{\"protocol\":1,\"program\":\"of the test\"}";
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    CHECK(snprintf(place.sun_path, sizeof place.sun_path, "%s/control.sock", state) < (int)sizeof place.sun_path);
    int line = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(line >= 0 && connect(line, (struct sockaddr *)&place, sizeof place) == 0);
    unsigned char length[4] = {sizeof hello - 1, 0, 0, 0};
    CHECK(write(line, length, 4) == 4 && write(line, hello, sizeof hello - 1) == (int)sizeof hello - 1);
    CHECK(close(line) == 0);
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    char *json = NULL;
    char file[4096];
    char plan[4096];
    char text[16384];
    char roots[9000];
    snprintf(file, sizeof file, "%s.toml", arguments[3]);
    snprintf(plan, sizeof plan, "%s.plan.json", arguments[3]);
    snprintf(roots, sizeof roots, "left_root = '%s'\nright_root = '%s'\n[conflict]\nsame_file_changed_both = 'notify'\n",
             arguments[1], arguments[2]);
    snprintf(text, sizeof text, "%s[performance]\nbandwidth_limit = '100 KiB'\n", roots);
    write_file("", file, text);

    struct live live = {.lock = PTHREAD_MUTEX_INITIALIZER};
    ANSWERS(bothways_config_new(&live.config), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_load(live.config, file), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_state(live.config, arguments[3]), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_cancel_new(&live.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_reread(live.config), BOTHWAYS_STATUS_TRY_AGAIN);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, &live) == 0);
    SOON(atomic_load(&live.ready));

    bothways_config *config = configured(arguments);
    bothways_session *session = NULL;
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    requests(session, arguments, plan);
    less(config);
    for (int each = 0; each < 20; each++) {
        hang_up(arguments[3]);
    }
    RESULT(bothways_session_status(session, 24, &json), BOTHWAYS_STATUS_OK, "\"live\":{");

    struct slow slow = {.session = session};
    ANSWERS(bothways_cancel_new(&slow.cancel), BOTHWAYS_STATUS_OK);
    busy(config, &slow, arguments);
    ANSWERS(bothways_cancel_close(slow.cancel), BOTHWAYS_STATUS_OK);

    /* Its configuration is followed: what it takes, what it finds the same, and what cannot hold. */
    write_file("", file, roots);
    SOON(was_told(&live, "\"taken\"") && was_told(&live, "performance.bandwidth_limit"));
    ANSWERS(bothways_config_reread(live.config), BOTHWAYS_STATUS_OK);
    SOON(was_told(&live, "\"same\""));
    write_file("", file, "left_root = true\n");
    ANSWERS(bothways_config_reread(live.config), BOTHWAYS_STATUS_OK);
    SOON(was_told(&live, "\"refused\"") && was_told(&live, "left_root"));

    /* It ends, and whoever asks it hears so; what needs no more than the records goes on, and is in nobody's way. */
    bothways_session *records = NULL;
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_RECORDS, &records), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_cancel_request(live.cancel), BOTHWAYS_STATUS_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    ANSWERS(bothways_session_status(session, 24, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    CHECK(json == NULL && strstr(last_error(session), "ended"));
    ANSWERS(bothways_session_pause(session, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    RESULT(bothways_session_history(records, NULL, &json), BOTHWAYS_STATUS_OK, "\"runs\":[{");
    ANSWERS(bothways_session_pause(records, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    CHECK(strstr(last_error(records), "running"));
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_history(records, NULL, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    RESULT(bothways_session_history(session, NULL, &json), BOTHWAYS_STATUS_OK, "\"runs\":[{");
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_close(records), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_cancel_close(live.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(live.config), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    puts("running: reached");
    return 0;
}
