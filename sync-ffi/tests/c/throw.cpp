// A function of C++ that throws: the exception arrives where it is caught, and the session goes on to be of use.
#include "check.h"

#include <stdexcept>
#include <string>
#include <unistd.h>

static int32_t throwing(const bothways_progress *, void *) { throw std::runtime_error("of the caller"); }

static int32_t throwing_of_events(int32_t, const char *, void *) { throw std::runtime_error("of an event"); }

// A live session that an exception leaves ends: nobody could stop it any more.
static void live(bothways_config *config) {
    bothways_watch watch = {sizeof watch, nullptr, throwing_of_events, nullptr, nullptr};
    std::string caught;
    try {
        bothways_live(config, 0, &watch);
    } catch (const std::runtime_error &error) {
        caught = error.what();
    }
    CHECK(caught == "of an event");
    bool ended = false;
    for (int tries = 0; tries < 600 && !ended; tries++) {
        bothways_session *session = nullptr;
        bothways_status status = bothways_session_open(config, 0, &session);
        if (status == BOTHWAYS_STATUS_OK) {
            // One that runs would rest; this one has its state to itself.
            char *json = nullptr;
            ended = bothways_session_pause(session, &json) == BOTHWAYS_STATUS_TRY_AGAIN &&
                    std::string(last_error(session)).find("is running") != std::string::npos;
            bothways_text_free(json);
            ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
        }
        if (!ended) {
            usleep(100000);
        }
    }
    CHECK(ended);
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    write_file(arguments[1], "a", "one");
    bothways_config *config = configured(arguments);
    bothways_session *session = nullptr;
    ANSWERS(bothways_session_open(config, 0, &session), BOTHWAYS_STATUS_OK);
    bothways_watch watch = {sizeof watch, throwing, nullptr, nullptr, nullptr};
    char *json = nullptr;
    std::string caught;
    try {
        bothways_session_sync(session, 0, &watch, &json);
    } catch (const std::runtime_error &error) {
        caught = error.what();
    }
    CHECK(caught == "of the caller" && json == nullptr);
    bothways_status status = BOTHWAYS_STATUS_BUSY;
    for (int tries = 0; tries < 600 && status == BOTHWAYS_STATUS_BUSY; tries++) {
        status = bothways_session_sync(session, 0, nullptr, &json);
        if (status == BOTHWAYS_STATUS_BUSY) {
            usleep(100000);
        }
    }
    CHECK(status == BOTHWAYS_STATUS_OK && is_file(arguments[2], "a"));
    ANSWERS(bothways_text_free(json), BOTHWAYS_STATUS_OK);
    ANSWERS(bothways_session_close(session), BOTHWAYS_STATUS_OK);
    live(config);
    ANSWERS(bothways_config_close(config), BOTHWAYS_STATUS_OK);
    puts("throw: caught");
    return 0;
}
