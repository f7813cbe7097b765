//! The live session.

use std::ptr::null_mut;

use crate::attend::{Reply, Watch, attend, begin};
use crate::config::ConfigHandle;
use crate::handles;
use crate::options::{BOTHWAYS_FLAG_APPROVE, only};
use crate::status::Status;

/// Keeps the two folders the same until the watch stops it: by its cancel, or by a function that answers with another
/// number than 0. It opens a session of its own; meanwhile sessions of the pair, in this and other programs of the same
/// user, and the command are answered by it. A file that the configuration was loaded from is followed: what it comes to
/// say holds as soon as it can be taken, see `BOTHWAYS_EVENT_RELOADED`. Flags: `BOTHWAYS_FLAG_APPROVE`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_live(
    config: *mut ConfigHandle,
    flags: u32,
    watch: *const Watch,
) -> Status {
    // SAFETY: the header asks for what `begin` and `attend` ask for.
    unsafe {
        attend(begin(config.addr(), watch, null_mut(), || {
            let (source, mut options) = handles::find::<ConfigHandle>(config.addr())?.followed()?;
            only(flags, BOTHWAYS_FLAG_APPROVE)?;
            options.approve = flags & BOTHWAYS_FLAG_APPROVE != 0;
            Ok(Box::new(move |watch| {
                sync_engine::live(&source, &options, watch)?;
                Ok(Reply { status: Status::Ok, text: None })
            }))
        }))
    }
}
