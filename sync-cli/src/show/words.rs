//! What the stable names of rules and actions are called in a sentence.
//!
//! A name that is not known here is shown as it is, so a newer engine is never silent.

/// A rule as the heading of a group.
pub(super) fn rule(name: &str) -> &str {
    match name {
        "both-changed" => "changed on both sides",
        "both-created" => "new on both sides, with other contents",
        "changed-left" => "changed on the left",
        "changed-right" => "changed on the right",
        "deleted-left-changed-right" => "deleted on the left, changed on the right: restored",
        "deleted-right-changed-left" => "deleted on the right, changed on the left: restored",
        "deleted-left" => "deleted on the left",
        "deleted-right" => "deleted on the right",
        "created-left" => "new on the left",
        "created-right" => "new on the right",
        "props-left" => "properties or spelling changed on the left",
        "props-right" => "properties or spelling changed on the right",
        "props-both" => "properties or spelling changed on both sides",
        "adopt" => "the same on both sides, now remembered",
        "forget" => "gone on both sides",
        "changed-left-props-right" => "changed on the left, properties on the right",
        "props-left-changed-right" => "properties on the left, changed on the right",
        "renamed-left" => "renamed on the left",
        "renamed-right" => "renamed on the right",
        "silent-corruption" => "contents differ without any trace of a change",
        "chosen" => "chosen by you",
        "undone" => "a run undone",
        "restored" => "back from the trash",
        "unobserved" => "could not be looked at",
        "unchanged" => "in order",
        other => other,
    }
}

/// An action in front of a path.
pub(super) fn action(name: &str) -> &str {
    match name {
        "COPY_LEFT_TO_RIGHT" => "copy left to right",
        "COPY_RIGHT_TO_LEFT" => "copy right to left",
        "DELETE_LEFT" => "delete on the left, for good",
        "DELETE_RIGHT" => "delete on the right, for good",
        "SOFT_DELETE_LEFT" => "left to the trash",
        "SOFT_DELETE_RIGHT" => "right to the trash",
        "CLASH_CREATE" => "keep the older version",
        "RENAME_LEFT" => "rename on the left",
        "RENAME_RIGHT" => "rename on the right",
        "SET_PROPS_LEFT" => "properties on the left",
        "SET_PROPS_RIGHT" => "properties on the right",
        "RESTORE_LEFT" => "left from the trash",
        "RESTORE_RIGHT" => "right from the trash",
        "MKDIR_LEFT" => "new folder on the left",
        "MKDIR_RIGHT" => "new folder on the right",
        "RMDIR_LEFT" => "remove folder on the left",
        "RMDIR_RIGHT" => "remove folder on the right",
        "ADOPT" => "remember",
        "NOOP" => "nothing to do",
        other => other,
    }
}

/// An action in a sum: what is counted, once and several times.
pub(super) fn counted(name: &str) -> (&str, &str) {
    match name {
        "COPY_LEFT_TO_RIGHT" => ("copy to the right", "copies to the right"),
        "COPY_RIGHT_TO_LEFT" => ("copy to the left", "copies to the left"),
        "DELETE_LEFT" => ("final deletion on the left", "final deletions on the left"),
        "DELETE_RIGHT" => ("final deletion on the right", "final deletions on the right"),
        "SOFT_DELETE_LEFT" => ("file of the left to the trash", "files of the left to the trash"),
        "SOFT_DELETE_RIGHT" => ("file of the right to the trash", "files of the right to the trash"),
        "CLASH_CREATE" => ("step for a clash copy", "steps for clash copies"),
        "RENAME_LEFT" => ("rename on the left", "renames on the left"),
        "RENAME_RIGHT" => ("rename on the right", "renames on the right"),
        "SET_PROPS_LEFT" => ("change of properties on the left", "changes of properties on the left"),
        "SET_PROPS_RIGHT" => ("change of properties on the right", "changes of properties on the right"),
        "RESTORE_LEFT" => ("version back on the left", "versions back on the left"),
        "RESTORE_RIGHT" => ("version back on the right", "versions back on the right"),
        "MKDIR_LEFT" => ("new folder on the left", "new folders on the left"),
        "MKDIR_RIGHT" => ("new folder on the right", "new folders on the right"),
        "RMDIR_LEFT" => ("folder removed on the left", "folders removed on the left"),
        "RMDIR_RIGHT" => ("folder removed on the right", "folders removed on the right"),
        "ADOPT" => ("path remembered", "paths remembered"),
        "NOOP" => ("path in order", "paths in order"),
        other => (other, other),
    }
}
