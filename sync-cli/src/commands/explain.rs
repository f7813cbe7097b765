//! `explain`: everything that is known of one path.

use std::path::Path;

use sync_engine::Session;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, path: &Path, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let session = Session::open(&pair.config, &pair.options)?;
    let explanation = session.explain(path, &pair.watch)?;
    drop(pair.watch);
    super::print(context, &explanation, || show::explain::text(&explanation))?;
    Ok(Exit::Clean)
}
