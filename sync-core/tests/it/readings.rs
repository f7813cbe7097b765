//! The readings of the rules that no single cell shows, each as a named row: kinds that differ, directories, renames
//! and moves, clash names, policies, first meetings, hidden names.

use sync_core::abilities::{Abilities, NameRules};
use sync_core::fold::Equivalence;
use sync_core::matrix::State::{Absent, Created, Deleted, Modified, Props, Unchanged, Unknown};
use sync_core::policy::{ConflictPolicy, FirstMatch, Policy};
use sync_core::side::{Side, Sides};

use crate::table::{FULL, ROW, Row, all_newer, all_notify, check_all};

fn properties_newer(policy: &mut Policy) {
    policy.properties_conflict_both = ConflictPolicy::Newer;
}

fn tie_right(policy: &mut Policy) {
    policy.tie_breaker = Side::Right;
}

#[test]
fn kinds_that_differ() {
    check_all(
        &[
            Row {
                name: "a directory against a file, both created: the directory keeps the path",
                left: "f/ f/x=B",
                right: "f=A",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201600",
                    "MKDIR_RIGHT f",
                    "CLASH_CREATE f~-~clash~202611201600",
                    "COPY_LEFT_TO_RIGHT f/x",
                ],
                after: "f/ f/x=B f~-~clash~202611201600=A",
                ..ROW
            },
            Row {
                name: "a directory against a link, both created",
                left: "f/",
                right: "f>1",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201540",
                    "MKDIR_RIGHT f",
                    "CLASH_CREATE f~-~clash~202611201540",
                ],
                after: "f/ f~-~clash~202611201540>1",
                ..ROW
            },
            Row {
                name: "a file that became a directory here and another file there",
                baseline: "f=A",
                left: "f/ f/x=C",
                right: "f=B",
                at: ("f", Modified, Modified, "both-changed"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201620",
                    "MKDIR_RIGHT f",
                    "CLASH_CREATE f~-~clash~202611201620",
                    "COPY_LEFT_TO_RIGHT f/x",
                ],
                after: "f/ f/x=C f~-~clash~202611201620=B",
                ..ROW
            },
            Row {
                name: "two links that differ clash like two files",
                left: "f>1",
                right: "f>2",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201540",
                    "CLASH_CREATE f~-~clash~202611201540",
                    "COPY_LEFT_TO_RIGHT f",
                ],
                after: "f>1 f~-~clash~202611201540>2",
                ..ROW
            },
            Row {
                name: "a link against a file clashes like two files",
                left: "f>1",
                right: "f=A",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201540",
                    "CLASH_CREATE f~-~clash~202611201540",
                    "COPY_RIGHT_TO_LEFT f",
                ],
                after: "f=A f~-~clash~202611201540>1",
                ..ROW
            },
            Row {
                name: "a file replaced by a directory while the other side rests: it goes to the trash",
                baseline: "f=A",
                left: "f/ f/x=B",
                right: "f=A",
                at: ("f", Modified, Unchanged, "changed-left"),
                does: &["MKDIR_RIGHT f", "COPY_LEFT_TO_RIGHT f/x"],
                after: "f/ f/x=B",
                trash: ["", "f=A"],
                ..ROW
            },
            Row {
                name: "a file replaced by a link while the other side rests",
                baseline: "f=A",
                left: "f>1",
                right: "f=A",
                at: ("f", Modified, Unchanged, "changed-left"),
                does: &["COPY_LEFT_TO_RIGHT f"],
                after: "f>1",
                trash: ["", "f=A"],
                ..ROW
            },
            Row {
                name: "a directory replaced by a file: its files go to the trash",
                baseline: "f/ f/x=A f/y=B",
                left: "f=C",
                right: "f/ f/x=A f/y=B",
                at: ("f", Modified, Unchanged, "changed-left"),
                does: &[
                    "SOFT_DELETE_RIGHT f/y",
                    "SOFT_DELETE_RIGHT f/x",
                    "RMDIR_RIGHT f",
                    "COPY_LEFT_TO_RIGHT f",
                ],
                after: "f=C",
                trash: ["", "f/y=B f/x=A"],
                ..ROW
            },
            Row {
                name: "a directory replaced by a file here while a file in it changed there",
                baseline: "f/ f/x=A f/y=B",
                left: "f=C",
                right: "f/ f/x=D f/y=B",
                at: ("f", Modified, Unchanged, "both-changed"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201640",
                    "MKDIR_LEFT f",
                    "CLASH_CREATE f~-~clash~202611201640",
                    "COPY_RIGHT_TO_LEFT f/x",
                    "SOFT_DELETE_RIGHT f/y",
                ],
                after: "f/ f/x=D f~-~clash~202611201640=C",
                trash: ["", "f/y=B"],
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn directories() {
    check_all(
        &[
            Row {
                name: "deleted here while a file in it changed there: the rest stays deleted (6.2.5)",
                baseline: "d/ d/f=A d/g=B",
                right: "d/ d/f=C d/g=B",
                at: ("d", Deleted, Unchanged, "deleted-left-changed-right"),
                does: &["MKDIR_LEFT d", "COPY_RIGHT_TO_LEFT d/f", "SOFT_DELETE_RIGHT d/g"],
                after: "d/ d/f=C",
                trash: ["", "d/g=B"],
                ..ROW
            },
            Row {
                name: "deleted here while something unknown is in it there: nothing above it goes",
                baseline: "d/ d/e/ d/e/f=A d/g=B",
                right: "d/ d/e/ d/e/f=A? d/g=B",
                at: ("d", Deleted, Unchanged, "unobserved"),
                does: &["SOFT_DELETE_RIGHT d/g"],
                after: "",
                right_after: Some("d/ d/e/ d/e/f=A"),
                trash: ["", "d/g=B"],
                ..ROW
            },
            Row {
                name: "deleted here while it cannot be read there",
                baseline: "d/ d/f=A",
                right: "d/? d/f=A",
                at: ("d", Deleted, Unchanged, "unobserved"),
                after: "",
                right_after: Some("d/ d/f=A"),
                ..ROW
            },
            Row {
                name: "hidden names go to the trash with their directory",
                baseline: "d/ d/f=A",
                right: "d/ d/f=A d/x.tmp=B",
                at: ("d", Deleted, Unchanged, "deleted-left"),
                does: &["SOFT_DELETE_RIGHT d/f", "RMDIR_RIGHT d"],
                after: "",
                trash: ["", "d/f=A d/x.tmp=B"],
                ..ROW
            },
            Row {
                name: "modes of directories are synced, times are not",
                baseline: "d/",
                left: "d/!",
                right: "d/",
                at: ("d", Props, Unchanged, "props-left"),
                does: &["SET_PROPS_RIGHT d"],
                after: "d/!",
                ..ROW
            },
            Row {
                name: "an empty directory is a thing of its own",
                left: "d/",
                at: ("d", Created, Absent, "created-left"),
                does: &["MKDIR_RIGHT d"],
                after: "d/",
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn renames() {
    check_all(
        &[
            Row {
                name: "by number",
                baseline: "a=A",
                left: "b=A",
                right: "a=A",
                at: ("b", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT a > b"],
                after: "b=A",
                ..ROW
            },
            Row {
                name: "by digest, where the number is another",
                baseline: "a=A",
                left: "b=A#n",
                right: "a=A",
                at: ("b", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT a > b"],
                after: "b=A",
                ..ROW
            },
            Row {
                name: "no proof, no rename: another content of the same size and time",
                baseline: "a=A",
                left: "b=C@2",
                right: "a=A",
                at: ("b", Created, Absent, "created-left"),
                does: &["COPY_LEFT_TO_RIGHT b", "SOFT_DELETE_RIGHT a"],
                after: "b=C@2",
                trash: ["", "a=A"],
                ..ROW
            },
            Row {
                name: "empty files are never taken for renamed by their digest",
                baseline: "a=0",
                left: "b=0#n",
                right: "a=0",
                at: ("b", Created, Absent, "created-left"),
                does: &["COPY_LEFT_TO_RIGHT b", "SOFT_DELETE_RIGHT a"],
                after: "b=0",
                trash: ["", "a=0"],
                ..ROW
            },
            Row {
                name: "into a directory that is new, which is made first",
                baseline: "a=A",
                left: "d/ d/e/ d/e/a=A",
                right: "a=A",
                at: ("d/e/a", Created, Absent, "renamed-left"),
                does: &["MKDIR_RIGHT d", "MKDIR_RIGHT d/e", "RENAME_RIGHT a > d/e/a"],
                after: "d/ d/e/ d/e/a=A",
                ..ROW
            },
            Row {
                name: "a chain: b makes room, a takes its place; two of them are changes of content",
                baseline: "a=A b=B",
                left: "b=A c=B",
                right: "a=A b=B",
                at: ("b", Modified, Unchanged, "changed-left"),
                does: &["COPY_LEFT_TO_RIGHT b", "COPY_LEFT_TO_RIGHT c", "SOFT_DELETE_RIGHT a"],
                after: "b=A c=B",
                trash: ["", "a=A"],
                ..ROW
            },
            Row {
                name: "a swap is two changes of content",
                baseline: "a=A b=B",
                left: "a=B b=A",
                right: "a=A b=B",
                at: ("a", Modified, Unchanged, "changed-left"),
                does: &["COPY_LEFT_TO_RIGHT b", "COPY_LEFT_TO_RIGHT a"],
                after: "a=B b=A",
                ..ROW
            },
            Row {
                name: "renamed here, changed there: decided apart, and the change is restored",
                baseline: "a=A",
                left: "b=A",
                right: "a=B",
                at: ("a", Deleted, Modified, "deleted-left-changed-right"),
                does: &["COPY_LEFT_TO_RIGHT b", "COPY_RIGHT_TO_LEFT a"],
                after: "a=B b=A",
                ..ROW
            },
            Row {
                name: "renamed with another mode: the rename, then the mode",
                baseline: "a=A",
                left: "b=A!",
                right: "a=A",
                at: ("b", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT a > b", "SET_PROPS_RIGHT b"],
                after: "b=A!",
                ..ROW
            },
            Row {
                name: "where both sides tell case apart, a and A are two files",
                baseline: "a=A",
                left: "A=A",
                right: "a=A",
                at: ("A", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT a > A"],
                after: "A=A",
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn moved_directories() {
    check_all(
        &[
            Row {
                name: "a directory moves with all that is in it",
                baseline: "d/ d/f=A d/s/ d/s/g=B",
                left: "e/#d e/f=A e/s/#d/s e/s/g=B",
                right: "d/ d/f=A d/s/ d/s/g=B",
                at: ("e", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT d > e"],
                after: "e/ e/f=A e/s/ e/s/g=B",
                ..ROW
            },
            Row {
                name: "with a changed, a deleted and a new file in it",
                baseline: "d/ d/f=A d/g=B",
                left: "e/#d e/f=C e/h=D",
                right: "d/ d/f=A d/g=B",
                at: ("e", Created, Absent, "renamed-left"),
                does: &[
                    "RENAME_RIGHT d > e",
                    "COPY_LEFT_TO_RIGHT e/f",
                    "COPY_LEFT_TO_RIGHT e/h",
                    "SOFT_DELETE_RIGHT e/g",
                ],
                after: "e/ e/f=C e/h=D",
                trash: ["", "e/g=B"],
                ..ROW
            },
            Row {
                name: "nested: the outer one moved, and the inner one within it",
                baseline: "d/ d/s/ d/s/g=B",
                left: "e/#d e/t/#d/s e/t/g=B",
                right: "d/ d/s/ d/s/g=B",
                at: ("e", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT d > e", "RENAME_RIGHT e/s > e/t"],
                after: "e/ e/t/ e/t/g=B",
                ..ROW
            },
            Row {
                name: "a file that left the directory which moved",
                baseline: "d/ d/f=A d/g=B",
                left: "e/#d e/g=B f=A",
                right: "d/ d/f=A d/g=B",
                at: ("f", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT d > e", "RENAME_RIGHT e/f > f"],
                after: "e/ e/g=B f=A",
                ..ROW
            },
            Row {
                name: "moved here, changed in it there: decided apart, the change is restored at the old path",
                baseline: "d/ d/f=A d/g=B",
                left: "e/#d e/f=A e/g=B",
                right: "d/ d/f=C d/g=B",
                at: ("d", Deleted, Unchanged, "deleted-left-changed-right"),
                does: &[
                    "MKDIR_RIGHT e",
                    "RENAME_RIGHT d/g > e/g",
                    "MKDIR_LEFT d",
                    "COPY_LEFT_TO_RIGHT e/f",
                    "COPY_RIGHT_TO_LEFT d/f",
                ],
                after: "d/ d/f=C e/ e/f=A e/g=B",
                ..ROW
            },
            Row {
                name: "what cannot be read in a moved directory is not taken for deleted",
                baseline: "d/ d/s/ d/s/f=A",
                left: "e/#d e/s/?#d/s e/s/f=A",
                right: "d/ d/s/ d/s/f=A",
                at: ("e", Created, Absent, "renamed-left"),
                does: &["RENAME_RIGHT d > e"],
                after: "e/ e/s/ e/s/f=A",
                ..ROW
            },
            Row {
                name: "a move that both sides have made, as a stopped run leaves it: a change in it is no conflict",
                baseline: "d/ d/f=A d/g=B",
                left: "e/#d e/f=C",
                right: "e/#d e/f=A e/g=B",
                at: ("e", Created, Created, "adopt"),
                does: &["COPY_LEFT_TO_RIGHT e/f", "SOFT_DELETE_RIGHT e/g"],
                after: "e/ e/f=C",
                trash: ["", "e/g=B"],
                ..ROW
            },
            Row {
                name: "a file made in a folder that the other side moved stays at its own path",
                baseline: "d/ d/f=A",
                left: "e/#d e/f=A",
                right: "d/ d/f=A d/n=B",
                at: ("d", Deleted, Unchanged, "deleted-left-changed-right"),
                does: &["MKDIR_RIGHT e", "RENAME_RIGHT d/f > e/f", "MKDIR_LEFT d", "COPY_RIGHT_TO_LEFT d/n"],
                after: "d/ d/n=B e/ e/f=A",
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn clash_names() {
    check_all(
        &[
            Row {
                name: "taken by another content: a number",
                baseline: "f~-~clash~202611201600=D",
                left: "f=A f~-~clash~202611201600=D",
                right: "f=B f~-~clash~202611201600=D",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201600~(2)",
                    "CLASH_CREATE f~-~clash~202611201600~(2)",
                    "COPY_RIGHT_TO_LEFT f",
                ],
                after: "f=B f~-~clash~202611201600=D f~-~clash~202611201600~(2)=A",
                ..ROW
            },
            Row {
                name: "taken by the very version, as an earlier run left it: no second copy",
                left: "f=A f~-~clash~202611201600=A",
                right: "f=B f~-~clash~202611201600=A",
                at: ("f", Created, Created, "both-created"),
                does: &["COPY_RIGHT_TO_LEFT f"],
                after: "f=B f~-~clash~202611201600=A",
                trash: ["f=A", ""],
                ..ROW
            },
            Row {
                name: "a clash of a clash file carries one mark",
                baseline: "f~-~clash~202611201500.txt=D",
                left: "f~-~clash~202611201500.txt=A",
                right: "f~-~clash~202611201500.txt=B",
                at: ("f~-~clash~202611201500.txt", Modified, Modified, "both-changed"),
                does: &[
                    "CLASH_CREATE f~-~clash~202611201500.txt > f~-~clash~202611201600.txt",
                    "CLASH_CREATE f~-~clash~202611201600.txt",
                    "COPY_RIGHT_TO_LEFT f~-~clash~202611201500.txt",
                ],
                after: "f~-~clash~202611201500.txt=B f~-~clash~202611201600.txt=A",
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn policies() {
    check_all(
        &[
            Row {
                name: "notify leaves both",
                baseline: "f=A",
                left: "f=B",
                right: "f=C",
                policy: all_notify,
                at: ("f", Modified, Modified, "both-changed"),
                after: "f=B",
                right_after: Some("f=C"),
                ..ROW
            },
            Row {
                name: "notify leaves new ones",
                left: "f=B",
                right: "f=C",
                policy: all_notify,
                at: ("f", Created, Created, "both-created"),
                after: "f=B",
                right_after: Some("f=C"),
                ..ROW
            },
            Row {
                name: "notify leaves a directory against a file, with what is in it",
                left: "f/ f/x=A",
                right: "f=C",
                policy: all_notify,
                at: ("f", Created, Created, "both-created"),
                after: "f/ f/x=A",
                right_after: Some("f=C"),
                ..ROW
            },
            Row {
                name: "newer: the other version goes to the trash",
                baseline: "f=A",
                left: "f=B",
                right: "f=C",
                policy: all_newer,
                at: ("f", Modified, Modified, "both-changed"),
                does: &["COPY_RIGHT_TO_LEFT f"],
                after: "f=C",
                trash: ["f=B", ""],
                ..ROW
            },
            Row {
                name: "newer of two new ones",
                left: "f=D",
                right: "f=C",
                policy: all_newer,
                at: ("f", Created, Created, "both-created"),
                does: &["COPY_LEFT_TO_RIGHT f"],
                after: "f=D",
                trash: ["", "f=C"],
                ..ROW
            },
            Row {
                name: "inside the tolerance the tie breaker counts as newer: left",
                baseline: "f=A",
                left: "f=B@9",
                right: "f=C@9",
                at: ("f", Modified, Modified, "both-changed"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201710",
                    "CLASH_CREATE f~-~clash~202611201710",
                    "COPY_LEFT_TO_RIGHT f",
                ],
                after: "f=B@9 f~-~clash~202611201710=C@9",
                ..ROW
            },
            Row {
                name: "inside the tolerance the tie breaker counts as newer: right",
                baseline: "f=A",
                left: "f=B@9",
                right: "f=C@9",
                policy: tie_right,
                at: ("f", Modified, Modified, "both-changed"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201710",
                    "CLASH_CREATE f~-~clash~202611201710",
                    "COPY_RIGHT_TO_LEFT f",
                ],
                after: "f=C@9 f~-~clash~202611201710=B@9",
                ..ROW
            },
            Row {
                name: "properties on both sides, newer",
                baseline: "f=A",
                left: "f=A@7!",
                right: "f=A@8",
                policy: properties_newer,
                at: ("f", Props, Props, "props-both"),
                does: &["SET_PROPS_LEFT f"],
                after: "f=A@8",
                ..ROW
            },
            Row {
                name: "properties on both sides, notify",
                baseline: "f=A",
                left: "f=A@7",
                right: "f=A@8",
                policy: all_notify,
                at: ("f", Props, Props, "props-both"),
                after: "f=A@7",
                right_after: Some("f=A@8"),
                ..ROW
            },
            Row {
                name: "the same properties on both sides: nothing to do",
                baseline: "f=A",
                left: "f=A@8!",
                right: "f=A@8!",
                at: ("f", Props, Props, "adopt"),
                after: "f=A@8!",
                ..ROW
            },
            Row {
                name: "a part of the other side's changes, as a stopped run leaves it: no conflict",
                baseline: "f=A",
                left: "f=A@8!",
                right: "f=A@8",
                at: ("f", Props, Props, "props-left"),
                does: &["SET_PROPS_RIGHT f"],
                after: "f=A@8!",
                ..ROW
            },
            Row {
                name: "the same new content on both sides: adopted",
                baseline: "f=A",
                left: "f=B@9",
                right: "f=B",
                at: ("f", Modified, Modified, "adopt"),
                after: "f=B@9",
                right_after: Some("f=B"),
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn first_meetings() {
    check_all(
        &[
            Row {
                name: "same size and time: taken for the same without reading",
                left: "f=A",
                right: "f=A",
                at: ("f", Created, Created, "adopt"),
                after: "f=A",
                ..ROW
            },
            Row {
                name: "other times are settled by digest: adopted, neither side is touched",
                left: "f=A",
                right: "f=A@9!",
                at: ("f", Created, Created, "adopt"),
                after: "f=A",
                right_after: Some("f=A@9!"),
                ..ROW
            },
            Row {
                name: "by digest: the same time does not hide another content",
                left: "f=A@9",
                right: "f=B@9",
                policy: |policy| policy.first_match = FirstMatch::Digest,
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201710",
                    "CLASH_CREATE f~-~clash~202611201710",
                    "COPY_LEFT_TO_RIGHT f",
                ],
                after: "f=A@9 f~-~clash~202611201710=B@9",
                ..ROW
            },
            Row {
                name: "directories meet, whatever their modes",
                left: "d/! d/f=A",
                right: "d/ d/f=A",
                at: ("d", Created, Created, "adopt"),
                after: "d/! d/f=A",
                right_after: Some("d/ d/f=A"),
                ..ROW
            },
            Row {
                name: "a change of the change time alone is asked about once, and learned",
                baseline: "f=A",
                left: "f=A^",
                right: "f=A",
                at: ("f", Unchanged, Unchanged, "unchanged"),
                after: "f=A",
                ..ROW
            },
        ],
        FULL,
    );
}

#[test]
fn sides_that_fold_and_names_not_held() {
    let folding = Abilities { equivalence: Equivalence { case: true, form: true }, ..Abilities::FULL };
    check_all(
        &[
            Row {
                name: "a change of case alone ends with one file in the new spelling",
                baseline: "f=A",
                left: "F=A",
                right: "f=A",
                at: ("f", Props, Unchanged, "props-left"),
                does: &["RENAME_RIGHT f > F"],
                after: "F=A",
                ..ROW
            },
            Row {
                name: "a directory's new spelling, and a change below it",
                baseline: "d/ d/f=A",
                left: "D/ D/f=B",
                right: "d/ d/f=A",
                at: ("d", Props, Unchanged, "props-left"),
                does: &["RENAME_RIGHT d > D", "COPY_LEFT_TO_RIGHT D/f"],
                after: "D/ D/f=B",
                ..ROW
            },
            Row {
                name: "content here, spelling there: both stand on both",
                baseline: "f=A",
                left: "f=B",
                right: "F=A",
                at: ("f", Modified, Props, "changed-left-props-right"),
                does: &["RENAME_LEFT f > F", "COPY_LEFT_TO_RIGHT F"],
                after: "F=B",
                ..ROW
            },
            Row {
                name: "one file created under two spellings keeps both contents",
                left: "f=A",
                right: "F=B",
                at: ("f", Created, Created, "both-created"),
                does: &[
                    "CLASH_CREATE f > f~-~clash~202611201600",
                    "CLASH_CREATE f~-~clash~202611201600",
                    "RENAME_LEFT f > F",
                    "COPY_RIGHT_TO_LEFT F",
                ],
                after: "F=B f~-~clash~202611201600=A",
                ..ROW
            },
        ],
        Sides { left: folding.clone(), right: folding.clone() },
    );
    let windows = Abilities { names: NameRules::WINDOWS, symlinks: false, ..folding };
    check_all(
        &[
            Row {
                name: "of two names that collide one is synced, the other is a problem",
                left: "F=A f=B",
                at: ("f", Created, Absent, "created-left"),
                does: &["COPY_LEFT_TO_RIGHT F"],
                after: "F=A f=B",
                right_after: Some("F=A"),
                ..ROW
            },
            Row {
                name: "a name the other side cannot hold is a problem, with all below it",
                left: "a:b/ a:b/f=A f=B",
                at: ("a:b", Unknown, Absent, "unobserved"),
                does: &["COPY_LEFT_TO_RIGHT f"],
                after: "a:b/ a:b/f=A f=B",
                right_after: Some("f=B"),
                ..ROW
            },
            Row {
                name: "a link the other side cannot hold is a problem",
                left: "f>1",
                at: ("f", Unknown, Absent, "unobserved"),
                after: "f>1",
                right_after: Some(""),
                ..ROW
            },
            Row {
                name: "also where it takes the place of a file, which then stays",
                baseline: "f=A",
                left: "f>1",
                right: "f=A",
                at: ("f", Unknown, Unchanged, "unobserved"),
                after: "f>1",
                right_after: Some("f=A"),
                ..ROW
            },
            Row {
                name: "and of a directory, of which nothing is deleted",
                baseline: "d/ d/f=A",
                left: "d>1",
                right: "d/ d/f=A",
                at: ("d", Unknown, Unchanged, "unobserved"),
                after: "d>1",
                right_after: Some("d/ d/f=A"),
                ..ROW
            },
        ],
        Sides { left: Abilities::FULL, right: windows },
    );
}
