/* Everything that a program can do wrong without its own memory being broken: a status and words, never a crash. */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

static void nulls(bothways_config *config, bothways_session *session) {
    char *json = NULL;
    const char *paths[] = {"a", NULL};
    ANSWERS(bothways_config_new(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_cancel_new(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_load(NULL, "x"), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_load(config, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    CHECK(strstr(last_error(config), "`file` is NULL"));
    ANSWERS(bothways_config_parse(config, NULL, "x.toml"), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_parse(config, "", NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_roots(config, NULL, "b"), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_roots(config, "a", NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_state(NULL, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_check(config, NULL, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_check(NULL, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_check_alerts(config, NULL, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_check_alerts(NULL, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_reread(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_config_close(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_cancel_request(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_cancel_close(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_open(NULL, 0, &session), BOTHWAYS_STATUS_NULL_ARGUMENT);
    CHECK(session == NULL);
    ANSWERS(bothways_session_open(config, 0, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_close(NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_live(NULL, 0, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_decide(0, 0, NULL, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_text_free(NULL), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_last_error(NULL, NULL, 0, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    (void)paths;
}

/* Every function of a session: without a session, and without a place for the result. */
static void session_nulls(bothways_session *session) {
    const char *paths[] = {"a", NULL};
    char *json = (char *)"something";
#define BOTH(function, ...)                                                                                            \
    ANSWERS(function(session, __VA_ARGS__, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);                                      \
    json = (char *)"something";                                                                                        \
    ANSWERS(function(NULL, __VA_ARGS__, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);                                        \
    CHECK(json == NULL)
    BOTH(bothways_session_scan, NULL);
    BOTH(bothways_session_plan, 0, NULL);
    BOTH(bothways_session_sync, 0, NULL);
    BOTH(bothways_session_plan_to_review, "p.json", 0, NULL);
    BOTH(bothways_session_sync_reviewed, "p.json", 0, NULL);
    BOTH(bothways_session_explain, "a", NULL);
    BOTH(bothways_session_resync, paths, 1, NULL);
    BOTH(bothways_session_conflicts, 0);
    BOTH(bothways_session_conflict, "a", NULL);
    BOTH(bothways_session_resolve, paths, 1, BOTHWAYS_KEEP_LEFT, 0, NULL);
    BOTH(bothways_session_status, 24);
    BOTH(bothways_session_history, NULL);
    BOTH(bothways_session_run, 1);
    BOTH(bothways_session_undo, 1, 0, NULL);
    BOTH(bothways_session_trash, NULL);
    BOTH(bothways_session_restore, NULL, 0, NULL);
    BOTH(bothways_session_purge, NULL, 0);
#undef BOTH
    ANSWERS(bothways_session_pause(NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_pause(session, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_resume(NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_resume(session, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_plan_to_review(session, NULL, 0, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_sync_reviewed(session, NULL, 0, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_explain(session, NULL, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_conflict(session, NULL, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_resync(session, NULL, 1, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_resync(session, paths, 2, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
    ANSWERS(bothways_session_resolve(session, NULL, 1, 1, 0, NULL, &json), BOTHWAYS_STATUS_NULL_ARGUMENT);
}

static void values(bothways_config *config, bothways_session *session) {
    char *json = NULL;
    bothways_decision decision;
    const char *paths[] = {"a"};
    const char *not_text[] = {"\xff"};

    ANSWERS(bothways_decide(7, 0, NULL, &decision), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_decide(0, -1, NULL, &decision), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    bothways_chosen chosen = {4, 0, 0};
    ANSWERS(bothways_decide(3, 3, &chosen, &decision), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(bothways_rule_name(25) == NULL && bothways_rule_name(-1) == NULL);
    CHECK(bothways_rule_requirement(25) == NULL && bothways_path_state_name(7) == NULL);
    CHECK(strlen(bothways_status_text(4711)) > 0);

    ANSWERS(bothways_session_sync(session, 0x8000, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(last_error(session), "0x8000"));
    ANSWERS(bothways_session_plan(session, BOTHWAYS_FLAG_APPROVE, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_resolve(session, paths, 1, 5, 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_resolve(session, not_text, 1, 1, 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(last_error(session), "UTF-8"));
    ANSWERS(bothways_session_resolve(session, NULL, 0, 1, 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    /* More than there can be: nothing of it is read. */
    ANSWERS(bothways_session_resync(session, paths, SIZE_MAX, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_resolve(session, paths, SIZE_MAX / 8, 1, 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_resync(session, paths, 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_sync_reviewed(session, "/nowhere/plan", 0, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(session), "/nowhere/plan"));
    ANSWERS(bothways_session_plan_to_review(session, "/nowhere/plan", 0, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(session), "/nowhere/plan"));
    ANSWERS(bothways_session_plan_to_review(session, "", 0, NULL, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_pause(session, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    CHECK(strstr(last_error(session), "running"));
    ANSWERS(bothways_session_resume(session, &json), BOTHWAYS_STATUS_TRY_AGAIN);
    ANSWERS(bothways_session_history(session, "{\"sinze\":\"1d\"}", &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(last_error(session), "sinze"));
    ANSWERS(bothways_session_history(session, "{", &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_trash(session, "{\"side\":\"up\"}", &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_trash(session, "{\"min_size\":\"much\"}", &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_trash(session, "{\"to\":\"x\"}", &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_explain(session, "../out", NULL, &json), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_session_run(session, 4711, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(session), "4711"));
    CHECK(json == NULL);

    bothways_watch watch = {.size = 3};
    ANSWERS(bothways_session_scan(session, &watch, &json), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(last_error(session), "sizeof"));

    ANSWERS(bothways_config_parse(config, "left_rot = 'x'\n", "a.toml"), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(config), "left_rot"));
    ANSWERS(bothways_config_load(config, "/nowhere/at/all.toml"), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_config_load(config, ""), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_config_roots(config, "/same", "/same"), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_config_reread(config), BOTHWAYS_STATUS_TRY_AGAIN);
    bothways_session *refused = NULL;
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_ALL, &refused), BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_READ_ONLY | BOTHWAYS_FLAG_APPROVE, &refused),
            BOTHWAYS_STATUS_INVALID_ARGUMENT);
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_RECORDS | BOTHWAYS_FLAG_APPROVE, &refused),
            BOTHWAYS_STATUS_INVALID_ARGUMENT);
    CHECK(refused == NULL);
    bothways_config *empty = NULL;
    ANSWERS(bothways_config_new(&empty), BOTHWAYS_STATUS_OK);
    bothways_session *none = NULL;
    ANSWERS(bothways_session_open(empty, 0, &none), BOTHWAYS_STATUS_USAGE);
    ANSWERS(bothways_config_close(empty), BOTHWAYS_STATUS_OK);

    /* A call that succeeds leaves no complaint, and a handle that had one goes on. */
    ANSWERS(bothways_session_scan(session, NULL, &json), BOTHWAYS_STATUS_OK);
    CHECK(strlen(last_error(session)) == 0);
    ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
}

static void buffers(bothways_session *session) {
    char *json = NULL;
    char small[8];
    size_t needed = 0;
    ANSWERS(bothways_session_run(session, 4711, &json), BOTHWAYS_STATUS_USAGE);
    memset(small, 'x', sizeof small);
    ANSWERS(bothways_last_error(session, small, sizeof small, &needed), BOTHWAYS_STATUS_TRUNCATED);
    CHECK(strlen(small) == sizeof small - 1 && needed > sizeof small);
    ANSWERS(bothways_last_error(session, small, 1, NULL), BOTHWAYS_STATUS_TRUNCATED);
    CHECK(small[0] == '\0');
    ANSWERS(bothways_last_error(session, NULL, 0, &needed), BOTHWAYS_STATUS_TRUNCATED);
    ANSWERS(bothways_last_error(session, NULL, 8, NULL), BOTHWAYS_STATUS_NULL_ARGUMENT);
    char *whole = malloc(needed);
    CHECK(whole != NULL);
    ANSWERS(bothways_last_error(session, whole, needed, NULL), BOTHWAYS_STATUS_OK);
    free(whole);
}

/* Handles that are none, of another kind, or closed; texts that are free already. */
static void handles(bothways_config *config, bothways_session *session) {
    char *json = NULL;
    int mine = 0;
    bothways_cancel *cancel = NULL;
    ANSWERS(bothways_cancel_new(&cancel), BOTHWAYS_STATUS_OK);

    ANSWERS(bothways_session_scan((bothways_session *)&mine, NULL, &json), BOTHWAYS_STATUS_UNKNOWN_HANDLE);
    ANSWERS(bothways_session_scan((bothways_session *)1, NULL, &json), BOTHWAYS_STATUS_UNKNOWN_HANDLE);
    ANSWERS(bothways_session_close((bothways_session *)&mine), BOTHWAYS_STATUS_UNKNOWN_HANDLE);
    ANSWERS(bothways_last_error(&mine, NULL, 0, NULL), BOTHWAYS_STATUS_UNKNOWN_HANDLE);

    ANSWERS(bothways_session_scan((bothways_session *)config, NULL, &json), BOTHWAYS_STATUS_WRONG_HANDLE);
    CHECK(strstr(last_error(config), "session is wanted"));
    ANSWERS(bothways_config_close((bothways_config *)session), BOTHWAYS_STATUS_WRONG_HANDLE);
    ANSWERS(bothways_cancel_request((bothways_cancel *)session), BOTHWAYS_STATUS_WRONG_HANDLE);
    ANSWERS(bothways_session_close((bothways_session *)cancel), BOTHWAYS_STATUS_WRONG_HANDLE);
    bothways_watch watch = {.size = sizeof watch, .cancel = (bothways_cancel *)config};
    ANSWERS(bothways_session_scan(session, &watch, &json), BOTHWAYS_STATUS_WRONG_HANDLE);
    bothways_session *none = NULL;
    ANSWERS(bothways_session_open((bothways_config *)cancel, 0, &none), BOTHWAYS_STATUS_WRONG_HANDLE);

    ANSWERS(bothways_cancel_close(cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_cancel_close(cancel), BOTHWAYS_STATUS_CLOSED_HANDLE);
    ANSWERS(bothways_cancel_request(cancel), BOTHWAYS_STATUS_CLOSED_HANDLE);
    ANSWERS(bothways_last_error(cancel, NULL, 0, NULL), BOTHWAYS_STATUS_CLOSED_HANDLE);

    ANSWERS(bothways_session_scan(session, NULL, &json), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_UNKNOWN_TEXT);
    ANSWERS(bothways_text_free((char *)&mine), BOTHWAYS_STATUS_UNKNOWN_TEXT);

    /* Its state is another's to open only when it is closed. */
    ANSWERS(bothways_session_open(config, 0, &none), BOTHWAYS_STATUS_TRY_AGAIN);
    CHECK(none == NULL && strlen(last_error(config)) > 0);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_CLOSED_HANDLE);
    ANSWERS(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_CLOSED_HANDLE);
    ANSWERS(bothways_session_open(config, BOTHWAYS_FLAG_READ_ONLY, &none), BOTHWAYS_STATUS_OK);
    CHECK(none != session);
    /* What would write is refused, whatever it would come to. */
    ANSWERS(bothways_session_sync(none, 0, NULL, &json), BOTHWAYS_STATUS_USAGE);
    CHECK(strstr(last_error(none), "READ_ONLY"));
    ANSWERS(bothways_session_close(none), BOTHWAYS_STATUS_OK);
}

struct closer {
    bothways_config *config;
    bothways_cancel *cancel;
    int closed;
    int nested;
};

/* Closes what the call was given, and everything that it can, in the middle of it. */
static int32_t close_all(const bothways_progress *progress, void *user) {
    struct closer *closer = user;
    (void)progress;
    if (closer->closed++ == 0) {
        ANSWERS(bothways_cancel_close(closer->cancel), BOTHWAYS_STATUS_OK);
        ANSWERS(bothways_config_close(closer->config), BOTHWAYS_STATUS_OK);
        ANSWERS(bothways_config_close(closer->config), BOTHWAYS_STATUS_CLOSED_HANDLE);
    }
    return 0;
}

static void closing_in_a_callback(char **arguments) {
    char *json = NULL;
    struct closer closer = {.config = configured(arguments)};
    ANSWERS(bothways_cancel_new(&closer.cancel), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {.size = sizeof watch, .progress = close_all, .user = &closer, .cancel = closer.cancel};
    RESULT(bothways_config_check(closer.config, &watch, &json), BOTHWAYS_STATUS_OK, "\"findings\"");
    CHECK(closer.closed > 0);
    ANSWERS(bothways_last_error(closer.config, NULL, 0, NULL), BOTHWAYS_STATUS_CLOSED_HANDLE);
}

/* A call from within a call, with functions and a cancel of its own, which closes what it was given. */
static int32_t nest(const bothways_progress *progress, void *user) {
    struct closer *inner = user;
    (void)progress;
    if (inner->nested++ == 0) {
        char *json = NULL;
        bothways_watch watch = {.size = sizeof watch, .progress = close_all, .user = inner, .cancel = inner->cancel};
        RESULT(bothways_config_check(inner->config, &watch, &json), BOTHWAYS_STATUS_LOOK, "in use by another session");
    }
    return 0;
}

static void calls_in_a_callback(bothways_session *session, char **arguments) {
    char *json = NULL;
    struct closer inner = {.config = configured(arguments)};
    ANSWERS(bothways_cancel_new(&inner.cancel), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {.size = sizeof watch, .progress = nest, .user = &inner};
    RESULT(bothways_session_scan(session, &watch, &json), BOTHWAYS_STATUS_OK, "\"both\"");
    CHECK(inner.nested > 0 && inner.closed > 0);
}

/* The working folder of the call that was given a relative path counts, whatever becomes of it. */
static void relative_paths(char **arguments) {
    char *json = NULL;
    char here[4096];
    CHECK(getcwd(here, sizeof here) != NULL);
    bothways_config *config = NULL;
    bothways_session *session = NULL;
    ANSWERS(bothways_config_new(&config), BOTHWAYS_STATUS_OK);
    CHECK(chdir(arguments[1]) == 0);
    ANSWERS(bothways_config_roots(config, "../left", "../right"), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_state(config, "../state"), BOTHWAYS_STATUS_OK);
    CHECK(chdir("/") == 0);
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    RESULT(bothways_session_sync(session, 0, NULL, &json), BOTHWAYS_STATUS_OK, "COPY_LEFT_TO_RIGHT");
    CHECK(is_file(arguments[2], "a"));
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    CHECK(chdir(here) == 0);
}

enum { THREADS = 8, ROUNDS = 40 };

struct shared {
    bothways_config *config;
    bothways_session *session;
    bothways_cancel *cancel;
};

/* One of many that use the same handles at once. */
static void *use(void *user) {
    struct shared *shared = user;
    for (int round = 0; round < ROUNDS; round++) {
        char *json = NULL;
        char words[256];
        bothways_watch watch = {.size = sizeof watch, .cancel = shared->cancel};
        bothways_status status = bothways_session_history(shared->session, NULL, &json);
        CHECK(status == BOTHWAYS_STATUS_OK || status == BOTHWAYS_STATUS_BUSY);
        CHECK((json != NULL) == (status == BOTHWAYS_STATUS_OK));
        ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
        status = bothways_session_explain(shared->session, "a", &watch, &json);
        CHECK(status == BOTHWAYS_STATUS_OK || status == BOTHWAYS_STATUS_BUSY || status == BOTHWAYS_STATUS_CANCELLED);
        ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
        bothways_last_error(shared->session, words, sizeof words, NULL);
        ANSWERS(bothways_config_state(shared->config, round % 2 ? NULL : "/nowhere"), BOTHWAYS_STATUS_OK);
        if (round == ROUNDS / 2) {
            ANSWERS(bothways_cancel_request(shared->cancel), BOTHWAYS_STATUS_OK);
        }
    }
    return NULL;
}

static void many_threads(char **arguments) {
    struct shared shared = {.config = configured(arguments)};
    ANSWERS(bothways_cancel_new(&shared.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_open(shared.config, 0, &shared.session), BOTHWAYS_STATUS_OK);
    pthread_t threads[THREADS];
    for (int each = 0; each < THREADS; each++) {
        CHECK(pthread_create(&threads[each], NULL, use, &shared) == 0);
    }
    for (int each = 0; each < THREADS; each++) {
        CHECK(pthread_join(threads[each], NULL) == 0);
    }
    ANSWERS(bothways_session_close(shared.session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_cancel_close(shared.cancel), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(shared.config), BOTHWAYS_STATUS_OK);
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    write_file(arguments[1], "a", "one");
    bothways_config *config = configured(arguments);
    bothways_session *session = NULL;
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    nulls(config, NULL);
    session_nulls(session);
    values(config, session);
    buffers(session);
    calls_in_a_callback(session, arguments);
    handles(config, session);
    closing_in_a_callback(arguments);
    relative_paths(arguments);
    many_threads(arguments);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_CLOSED_HANDLE);
    puts("misuse: told");
    return 0;
}
