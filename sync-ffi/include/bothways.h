/* Bothways keeps two folders the same, both ways, and can say why it did everything it did.
 *
 * Made by `cargo xtask generate` from sync-ffi/src. Do not edit.
 *
 * Handles. A handle is made by a function that ends in _new or _open, and closed by the one that ends in _close. It is
 * a number that looks like a pointer and leads nowhere. A handle that is NULL, closed, of another kind or made up is
 * told by the status, and nothing happens. Any thread may use any handle; a session serves one call at a time, and
 * tells a second one that it is busy. A configuration and a cancel may be changed, used and closed while calls that
 * were given them go on: these have taken what they need.
 *
 * Errors. Every function that can fail answers with a bothways_status, and writes a result only as its comment says.
 * What went wrong in the last call on a handle is told in words by bothways_last_error; what has no handle, or one that
 * is none, has no words. No panic of the library leaves it.
 *
 * Texts. Texts given to a function end with NUL and are used only until it returns. Paths are bytes as the system has
 * them, and UTF-8 on Windows; other texts are UTF-8. A pointer to a pointer called `out` must not be NULL; it gets the
 * result, or NULL where there is none. A result is JSON in UTF-8, one line, in the documented form of the command's
 * --json, to be read alone and freed with bothways_text_free; any thread may do that.
 *
 * Functions of yours. They are called on the thread that made the call, one at a time, while another thread does the
 * work. They may take their time: the work does not wait for them. To stop a call, answer with another number than 0, or
 * use a bothways_cancel, and let it return. An exception of C++ passes through the call to where it is caught: the call
 * is asked to end at its next safe point, its result is lost, and until its work has ended the session is busy. A
 * longjmp over the call is forbidden, and so is ending the thread in it; where a longjmp was tried, the work went on to
 * its end in the background and the memory of the call was lost, but nothing promises that.
 *
 * Signals. The library installs no handler and changes no mask but those of its own threads, on which a pipe or
 * connection that breaks raises no SIGPIPE. A handler of yours may run on any thread, those included.
 *
 * Working folder. Where a function is given a relative path of a file or folder of yours, the working folder of that
 * moment counts, and may be another one afterwards.
 *
 * Fork, and unloading. In a process that was forked from one that has used the library, only bothways_decide and the
 * functions that give names may be used, until it executes another program. The library cannot be unloaded: threads of
 * it may outlive all calls.
 */

#ifndef BOTHWAYS_H
#define BOTHWAYS_H

#include <stddef.h>
#include <stdint.h>

// Nothing is written, neither in the folders nor in the state. What would write is `BOTHWAYS_STATUS_USAGE`.
#define BOTHWAYS_FLAG_READ_ONLY 1

// Lets through what a guard would stop, this one time.
#define BOTHWAYS_FLAG_APPROVE 2

// Everything, also what is settled or at rest.
#define BOTHWAYS_FLAG_ALL 4

// Only say what would be done.
#define BOTHWAYS_FLAG_DRY_RUN 8

// Where something is in the way, keep both.
#define BOTHWAYS_FLAG_KEEP_BOTH 16

// What lies in the trash longer than the configuration keeps it.
#define BOTHWAYS_FLAG_EXPIRED 32

// Only what is remembered is asked for: status, history, one run, the list of conflicts; pause and resume besides. The
// folders need not be there, and between two calls nothing is held, so that nobody has to wait for this session.
#define BOTHWAYS_FLAG_RECORDS 64

// The interface that this header describes. It is one higher whenever something was added; what is there keeps its
// meaning.
#define BOTHWAYS_ABI 2

// What a function answers. 0 to 5 are the exit codes of the command. New numbers may come; no number ever changes its
// meaning.
enum bothways_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It is done, and everything is in order.
    BOTHWAYS_STATUS_OK = 0,
    // It is done, and a person should look: a conflict, a problem, or something left undone. The result says which.
    BOTHWAYS_STATUS_LOOK = 1,
    // What was asked for makes no sense: a wrong path, key or pattern.
    BOTHWAYS_STATUS_USAGE = 2,
    // It cannot be done now, and may be later: a root is away, another session has the state.
    BOTHWAYS_STATUS_TRY_AGAIN = 3,
    // A guard stopped it before anything was touched; a person must look.
    BOTHWAYS_STATUS_HALTED = 4,
    // The state or the system is broken in a way that is not expected.
    BOTHWAYS_STATUS_INTERNAL = 5,
    // It was stopped on request before anything was changed.
    BOTHWAYS_STATUS_CANCELLED = 6,
    // An argument that must point to something is NULL.
    BOTHWAYS_STATUS_NULL_ARGUMENT = 7,
    // An argument is not one of the allowed values, or a text is not UTF-8 where it must be.
    BOTHWAYS_STATUS_INVALID_ARGUMENT = 8,
    // The handle was never given out.
    BOTHWAYS_STATUS_UNKNOWN_HANDLE = 9,
    // The handle is closed already.
    BOTHWAYS_STATUS_CLOSED_HANDLE = 10,
    // The handle is of another kind.
    BOTHWAYS_STATUS_WRONG_HANDLE = 11,
    // Another call on the session is under way, or it comes from a function that such a call has called.
    BOTHWAYS_STATUS_BUSY = 12,
    // A mistake of the library. The session of the call can only be closed.
    BOTHWAYS_STATUS_PANIC = 13,
    // The buffer is too small; as much as fits was written.
    BOTHWAYS_STATUS_TRUNCATED = 14,
    // The text was never given out, or is free already.
    BOTHWAYS_STATUS_UNKNOWN_TEXT = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_status bothways_status;
#else
typedef int32_t bothways_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a call is busy with.
enum bothways_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing yet, or a live session that waits for changes.
    BOTHWAYS_PHASE_WAIT = 0,
    // Looking at both folders. Counts entries.
    BOTHWAYS_PHASE_SCAN = 1,
    // Reading contents that size and time could not tell apart. Counts files and bytes.
    BOTHWAYS_PHASE_DIGEST = 2,
    // Making changes. Counts actions and bytes.
    BOTHWAYS_PHASE_ACT = 3,
    // Something of a later version of the library.
    BOTHWAYS_PHASE_OTHER = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_phase bothways_phase;
#else
typedef int32_t bothways_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a live session, or a call that waits for one, tells of. New numbers may come: leave alone what you do not know.
enum bothways_event
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Both folders are there, and changes are synced from now on. The text is `{}`.
    BOTHWAYS_EVENT_READY = 1,
    // A cycle ended that did or met something. The text is its report, as `bothways sync --json` prints it.
    BOTHWAYS_EVENT_CYCLE = 2,
    // It waits for something outside of it: a drive that is away, another session that has the state; or, in a call on
    // a pair whose session is running, for what that one is busy with. The text has the key `message`.
    BOTHWAYS_EVENT_WAITS = 3,
    // The file of its configuration was read again. The text has the key `result`: `same`, `taken` with the names of the
    // `keys` that hold from now on and of those that hold `later`, when it is started again, or `refused` with a
    // `message`, and what held before still does.
    BOTHWAYS_EVENT_RELOADED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_event bothways_event;
#else
typedef int32_t bothways_event;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What one side's path has become since the two sides last agreed on it.
enum bothways_path_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // They never agreed on it, and nothing is there.
    BOTHWAYS_PATH_STATE_ABSENT = 0,
    // They never agreed on it, and it is there.
    BOTHWAYS_PATH_STATE_CREATED = 1,
    // It is what they agreed on.
    BOTHWAYS_PATH_STATE_UNCHANGED = 2,
    // It has another content, or is of another kind.
    BOTHWAYS_PATH_STATE_MODIFIED = 3,
    // Its content is the same; its time, attributes or spelling differ.
    BOTHWAYS_PATH_STATE_PROPS = 4,
    // It is gone, and its folder could be read.
    BOTHWAYS_PATH_STATE_DELETED = 5,
    // It could not be observed.
    BOTHWAYS_PATH_STATE_UNKNOWN = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_path_state bothways_path_state;
#else
typedef int32_t bothways_path_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a pair of states asks for.
enum bothways_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing.
    BOTHWAYS_ANSWER_NOTHING = 0,
    // Content and properties go from left to right.
    BOTHWAYS_ANSWER_COPY_LEFT_TO_RIGHT = 1,
    // Content and properties go from right to left.
    BOTHWAYS_ANSWER_COPY_RIGHT_TO_LEFT = 2,
    // Properties and spelling go from left to right.
    BOTHWAYS_ANSWER_PROPS_LEFT_TO_RIGHT = 3,
    // Properties and spelling go from right to left.
    BOTHWAYS_ANSWER_PROPS_RIGHT_TO_LEFT = 4,
    // The content goes from left to right, and the right side's spelling stands on both.
    BOTHWAYS_ANSWER_CONTENT_LEFT_TO_RIGHT = 5,
    // The content goes from right to left, and the left side's spelling stands on both.
    BOTHWAYS_ANSWER_CONTENT_RIGHT_TO_LEFT = 6,
    // The entry is deleted on the left.
    BOTHWAYS_ANSWER_DELETE_LEFT = 7,
    // The entry is deleted on the right.
    BOTHWAYS_ANSWER_DELETE_RIGHT = 8,
    // Equal versions are taken as agreed; for different ones `choice` says what happens.
    BOTHWAYS_ANSWER_MEET = 9,
    // It is gone on both sides, and no longer known.
    BOTHWAYS_ANSWER_FORGET = 10,
    // Neither side is touched.
    BOTHWAYS_ANSWER_LEAVE = 11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_answer bothways_answer;
#else
typedef int32_t bothways_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happens when two versions may both be wanted.
enum bothways_choice
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // In a policy: as by default, which is `BOTHWAYS_CHOICE_CLASH`. In a decision: there is no choice.
    BOTHWAYS_CHOICE_NONE = 0,
    // The newer version stands at the path, the older one beside it, on both sides.
    BOTHWAYS_CHOICE_CLASH = 1,
    // Neither side is touched until a person chooses.
    BOTHWAYS_CHOICE_NOTIFY = 2,
    // The newer version wins; the other one goes to the trash.
    BOTHWAYS_CHOICE_NEWER = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_choice bothways_choice;
#else
typedef int32_t bothways_choice;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which version stays where two clash.
enum bothways_keep
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The left one.
    BOTHWAYS_KEEP_LEFT = 1,
    // The right one.
    BOTHWAYS_KEEP_RIGHT = 2,
    // The newer one.
    BOTHWAYS_KEEP_NEWER = 3,
    // Both: the newer one at the path, the older one beside it.
    BOTHWAYS_KEEP_BOTH = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum bothways_keep bothways_keep;
#else
typedef int32_t bothways_keep;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A wish to stop, which any thread may utter. One may serve many calls; once uttered it stays.
typedef struct bothways_cancel bothways_cancel;

// Which two folders are kept the same, and how. Sessions are opened from it, and do not follow it later; a live session
// follows the file that was loaded.
typedef struct bothways_config bothways_config;

// Two folders and what is remembered of them, opened. Any thread may use it, one call at a time.
typedef struct bothways_session bothways_session;

// How far a call has come.
typedef struct bothways_progress {
    // A `bothways_phase`.
    int32_t phase;
    // How many things of this phase are done.
    uint64_t done;
    // How many there are; 0 where that is not known.
    uint64_t total;
    // How many bytes of this phase are done.
    uint64_t bytes_done;
    // How many there are; 0 where that is not known.
    uint64_t bytes_total;
} bothways_progress;

// Is told about twenty times a second while a call takes place, whether there is anything new or not; a short phase may
// pass untold. It is called on the thread that made the call. Another answer than 0 asks the call to end at its next
// safe point; later ones do not take that back. It may use other handles, also for calls with functions of their own;
// the session of the call is busy while the work lasts. It may throw, where the caller is C++; it must neither `longjmp`
// over the call nor end the thread.
typedef int32_t (*bothways_progress_fn)(const struct bothways_progress *progress, void *user);

// Is told of what a live session does, or what a call waits for; the same holds for it. The number is a
// `bothways_event`, the text is JSON and stays until the function returns. What happens meanwhile is kept for it, in
// order, however long it takes.
typedef int32_t (*bothways_event_fn)(int32_t event, const char *json, void *user);

// Who follows a call. NULL instead of one is fine, and so is NULL for everything in it but `size`.
typedef struct bothways_watch {
    // `sizeof(bothways_watch)`: tells which version of this the program was built with.
    size_t size;
    // Is told how far the call has come.
    bothways_progress_fn progress;
    // Is told of what happens.
    bothways_event_fn event;
    // Is handed to both functions as it is.
    void *user;
    // A wish to stop that may come from another thread.
    struct bothways_cancel *cancel;
} bothways_watch;

// What the user chose. Each is a `bothways_choice`.
typedef struct bothways_chosen {
    // Where both sides changed the same file.
    int32_t same_file_changed_both;
    // Where both sides have a new file at the same path.
    int32_t new_file_both_different;
    // Where both sides changed times, attributes or the spelling.
    int32_t properties_conflict_both;
} bothways_chosen;

// A decision about one path.
typedef struct bothways_decision {
    // The rule's number; `bothways_rule_name` has its name.
    int32_t rule;
    // A `bothways_answer`.
    int32_t answer;
    // A `bothways_choice`: what the policy says where the rule leaves a choice.
    int32_t choice;
} bothways_decision;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a wish to stop that is not uttered yet.
bothways_status bothways_cancel_new(struct bothways_cancel **out);

// Asks every call that was given this handle to end at its next safe point. Any thread may call it, a signal handler
// must not: there, set a variable of your own and have the progress function answer with it.
bothways_status bothways_cancel_request(struct bothways_cancel *cancel);

// Closes the handle. Calls that were given it go on.
bothways_status bothways_cancel_close(struct bothways_cancel *cancel);

// Makes a configuration that names no folders yet.
bothways_status bothways_config_new(struct bothways_config **out);

// Reads a configuration file: TOML, or JSON or YAML by its ending. Where the file is wrong, the handle stays as it
// was, and its last error shows the place.
bothways_status bothways_config_load(struct bothways_config *config,
                                     const char *file);

// Reads a configuration from its text as if it stood in `file`: its ending gives the format, its folder is what
// relative paths are relative to. The file need not exist.
bothways_status bothways_config_parse(struct bothways_config *config,
                                      const char *text,
                                      const char *file);

// Names the two folders; they win over those of a file. Relative ones are relative to what is the working folder now.
bothways_status bothways_config_roots(struct bothways_config *config,
                                      const char *left,
                                      const char *right);

// Says where the state is kept; NULL for the system's place, under a name made from the two folders. A relative one is
// relative to what is the working folder now.
bothways_status bothways_config_state(struct bothways_config *config,
                                      const char *folder);

// Has the live sessions that were begun with this configuration read its file again now, as a service does when it is
// told to reload; each tells what came of it by `BOTHWAYS_EVENT_RELOADED`. Without this they look every second whether
// the file is another one. Where none follows a file, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
bothways_status bothways_config_reread(struct bothways_config *config);

// Checks whether everything is as it must be for a sync: the folders, what they can do, room, mail. Nothing changes.
// The result is what `bothways check --json` prints.
bothways_status bothways_config_check(struct bothways_config *config,
                                      const struct bothways_watch *watch,
                                      char **out);

// The same, and sends a test message by every way that alerts go. The result is what
// `bothways check --send-test-mail --json` prints.
bothways_status bothways_config_check_alerts(struct bothways_config *config,
                                             const struct bothways_watch *watch,
                                             char **out);

// Closes the handle. Sessions that were opened from it go on.
bothways_status bothways_config_close(struct bothways_config *config);

// Decides about one path from what became of it on each side, each a `bothways_path_state`. `chosen` is NULL for the
// defaults. Allocates nothing, takes no lock, and may be called from anywhere.
bothways_status bothways_decide(int32_t left,
                                int32_t right,
                                const struct bothways_chosen *chosen,
                                struct bothways_decision *out);

// The name of a rule, such as `changed-left`; NULL where there is no such rule. The text is never freed.
const char *bothways_rule_name(int32_t number);

// The number of the requirement that asks for a rule, such as `6.2.3`; empty where there is none, NULL where there is
// no such rule. The text is never freed.
const char *bothways_rule_requirement(int32_t number);

// The name of a state, such as `modified`; NULL where there is no such state. The text is never freed.
const char *bothways_path_state_name(int32_t state);

// Keeps the two folders the same until the watch stops it: by its cancel, or by a function that answers with another
// number than 0. It opens a session of its own; meanwhile sessions of the pair, in this and other programs of the same
// user, and the command are answered by it. A file that the configuration was loaded from is followed: what it comes to
// say holds as soon as it can be taken, see `BOTHWAYS_EVENT_RELOADED`. Flags: `BOTHWAYS_FLAG_APPROVE`.
bothways_status bothways_live(struct bothways_config *config,
                              uint32_t flags,
                              const struct bothways_watch *watch);

// Opens the two folders of a configuration and what is remembered of them. What goes wrong is told by the
// configuration's handle, and nobody is alerted of it.
//
// A session has the state for itself until it is closed. Where another one of the pair runs already (`bothways run`, a
// service, or `bothways_live` in any program of the same user), nothing is opened: that one is asked instead, by
// every call, with the same results. While it is busy with something else a call waits, and tells so by
// `BOTHWAYS_EVENT_WAITS`. Once it has ended, a call is `BOTHWAYS_STATUS_TRY_AGAIN`: it may come back, or the session
// can be closed and opened anew.
//
// Flags: `BOTHWAYS_FLAG_READ_ONLY`; `BOTHWAYS_FLAG_RECORDS`; `BOTHWAYS_FLAG_APPROVE` lets the pair start anew where a
// guard says that the folders are not the ones they were (where another session runs, `bothways_session_sync` with
// that flag does).
bothways_status bothways_session_open(struct bothways_config *config,
                                      uint32_t flags,
                                      struct bothways_session **out);

// Closes the session, and lets go of its state and folders. While a call is under way it is `BOTHWAYS_STATUS_BUSY`, and
// nothing happens. A session that runs elsewhere goes on.
bothways_status bothways_session_close(struct bothways_session *session);

// Counts what lies on both sides. The result is what `bothways scan --json` prints; for the other functions likewise.
bothways_status bothways_session_scan(struct bothways_session *session,
                                      const struct bothways_watch *watch,
                                      char **out);

// Says what a sync would do, and changes nothing. Flags: `BOTHWAYS_FLAG_ALL` lists also what would be left as it is.
bothways_status bothways_session_plan(struct bothways_session *session,
                                      uint32_t flags,
                                      const struct bothways_watch *watch,
                                      char **out);

// Makes both folders the same: one cycle. Flags: `BOTHWAYS_FLAG_APPROVE`. A sync that is stopped half way is
// `BOTHWAYS_STATUS_LOOK`; its result tells what was done.
bothways_status bothways_session_sync(struct bothways_session *session,
                                      uint32_t flags,
                                      const struct bothways_watch *watch,
                                      char **out);

// Says what a sync would do, and writes it to a file besides, which a person may review and shorten:
// `bothways_session_sync_reviewed` carries out what is left of it, and so does `bothways sync --plan`. Flags:
// `BOTHWAYS_FLAG_ALL`. A file that is there already is replaced, and no half of one is ever seen.
bothways_status bothways_session_plan_to_review(struct bothways_session *session,
                                                const char *file,
                                                uint32_t flags,
                                                const struct bothways_watch *watch,
                                                char **out);

// One cycle that does no more than a reviewed plan file allows, as far as both folders are still as it was planned on.
// What is left out is in the result. Flags: `BOTHWAYS_FLAG_APPROVE`.
bothways_status bothways_session_sync_reviewed(struct bothways_session *session,
                                               const char *file,
                                               uint32_t flags,
                                               const struct bothways_watch *watch,
                                               char **out);

// Tells why a path is treated as it is. The path is relative to the folders, or lies in one of them.
bothways_status bothways_session_explain(struct bothways_session *session,
                                         const char *path,
                                         const struct bothways_watch *watch,
                                         char **out);

// Looks at files or folders by content, whatever their sizes and times claim, and syncs what differs.
bothways_status bothways_session_resync(struct bothways_session *session,
                                        const char *const *paths,
                                        size_t count,
                                        const struct bothways_watch *watch,
                                        char **out);

// Lists the conflicts that wait. Flags: `BOTHWAYS_FLAG_ALL` lists also those that are settled.
bothways_status bothways_session_conflicts(struct bothways_session *session, uint32_t flags, char **out);

// Shows one conflict with both versions.
bothways_status bothways_session_conflict(struct bothways_session *session,
                                          const char *path,
                                          const struct bothways_watch *watch,
                                          char **out);

// Settles conflicts: those at `count` paths or patterns, or with `BOTHWAYS_FLAG_ALL` all that are open. `keep` is a
// `bothways_keep`. What is given up goes to the trash.
bothways_status bothways_session_resolve(struct bothways_session *session,
                                         const char *const *paths,
                                         size_t count,
                                         int32_t keep,
                                         uint32_t flags,
                                         const struct bothways_watch *watch,
                                         char **out);

// Tells how the pair stands, with counts over the last `hours` hours, and what a session that runs is doing. No folder
// is looked at.
bothways_status bothways_session_status(struct bothways_session *session,
                                        uint32_t hours,
                                        char **out);

// Lists recorded runs, the latest first. `options` is NULL, or JSON with any of `since`, `until`, `limit`, `path` and
// `action`, as the command has them.
bothways_status bothways_session_history(struct bothways_session *session,
                                         const char *options,
                                         char **out);

// Tells of one recorded run what it did.
bothways_status bothways_session_run(struct bothways_session *session, uint64_t run, char **out);

// Puts back what a run did. Flags: `BOTHWAYS_FLAG_KEEP_BOTH`, `BOTHWAYS_FLAG_DRY_RUN`.
bothways_status bothways_session_undo(struct bothways_session *session,
                                      uint64_t run,
                                      uint32_t flags,
                                      const struct bothways_watch *watch,
                                      char **out);

// Lists what lies in the trash. `options` is NULL, or JSON with any of `paths`, `side`, `since`, `before`,
// `older_than`, `min_size`, `max_size` and `versions`, as the command has them.
bothways_status bothways_session_trash(struct bothways_session *session, const char *options, char **out);

// Takes things back from the trash, never over anything. `options` as for `bothways_session_trash`, with `at` and
// `to` besides. Flags: `BOTHWAYS_FLAG_KEEP_BOTH`, `BOTHWAYS_FLAG_DRY_RUN`.
bothways_status bothways_session_restore(struct bothways_session *session,
                                         const char *options,
                                         uint32_t flags,
                                         const struct bothways_watch *watch,
                                         char **out);

// Drops things in the trash for good. `options` as for `bothways_session_trash`; NULL is everything. Flags:
// `BOTHWAYS_FLAG_EXPIRED`, `BOTHWAYS_FLAG_DRY_RUN`.
bothways_status bothways_session_purge(struct bothways_session *session,
                                       const char *options,
                                       uint32_t flags,
                                       char **out);

// Has the session that runs make no cycles until it is told to go on; what it is asked for by name it does. Where none
// runs, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
bothways_status bothways_session_pause(struct bothways_session *session,
                                       char **out);

// Has the session that runs go on after a pause. Where none runs, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
bothways_status bothways_session_resume(struct bothways_session *session, char **out);

// The interface's number of the library that is loaded. It is the header's `BOTHWAYS_ABI` or higher.
uint32_t bothways_abi(void);

// The version of the library, such as `0.1.0`. The text is never freed.
const char *bothways_version(void);

// What a status means, in a few English words; also for a number that is none. The text is never freed.
const char *bothways_status_text(int32_t status);

// Frees a text that a function gave as a result. NULL is fine. A text that was never given out, or that is free
// already, is told with `BOTHWAYS_STATUS_UNKNOWN_TEXT`, and nothing happens; but one that is freed twice may have made
// room for another one meanwhile, which is freed then.
bothways_status bothways_text_free(char *text);

// Writes what the call on a handle of any kind that ended last complained of, as one text in UTF-8 that ends with NUL;
// it is empty where the call succeeded. Where several threads use one handle, that may be another one's call. `needed`,
// unless NULL, gets the bytes of all of it with the NUL. A smaller buffer gets as much as fits, cut between two
// characters, and the answer `BOTHWAYS_STATUS_TRUNCATED`; with `size` 0 the buffer may be NULL, and is left alone.
// Asking changes nothing.
bothways_status bothways_last_error(const void *handle,
                                    char *buffer,
                                    size_t size,
                                    size_t *needed);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BOTHWAYS_H */
