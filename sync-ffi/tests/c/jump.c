/* What the header forbids: a longjmp over a call. It shows that nothing hangs and nothing breaks; what is left behind is
 * the memory of the one call. */
#include "check.h"

#include <setjmp.h>
#include <unistd.h>

static jmp_buf back;

static int32_t leave(const bothways_progress *progress, void *user) {
    (void)progress;
    (void)user;
    longjmp(back, 1);
    return 0;
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    write_file(arguments[1], "a", "one");
    bothways_config *config = configured(arguments);
    bothways_session *session = NULL;
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {.size = sizeof watch, .progress = leave};
    char *volatile json = NULL;
    volatile int jumps = 0;
    for (volatile int round = 0; round < 3; round++) {
        if (setjmp(back) == 0) {
            char *lost = NULL;
            /* The work of an earlier round may still go on; there is no other way to get here. */
            ANSWERS(bothways_session_sync(session, 0, &watch, &lost), BOTHWAYS_STATUS_BUSY);
        } else {
            jumps += 1;
        }
    }
    CHECK(jumps > 0);
    /* The work went on by itself; while it does, the session is busy. */
    bothways_status status = BOTHWAYS_STATUS_BUSY;
    for (int tries = 0; tries < 600 && status == BOTHWAYS_STATUS_BUSY; tries++) {
        char *found = NULL;
        status = bothways_session_sync(session, 0, NULL, &found);
        json = found;
        if (status == BOTHWAYS_STATUS_BUSY) {
            usleep(100000);
        }
    }
    CHECK(status == BOTHWAYS_STATUS_OK);
    CHECK(is_file(arguments[2], "a"));
    ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    puts("jump: survived");
    return 0;
}
