//! `init`: a commented configuration.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use sync_engine::config::{Config, Format, template, template_for};
use sync_engine::report::FORMAT;

use crate::args::Roots;
use crate::context::{Context, DEFAULT_CONFIG};
use crate::document::InitReport;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let path = context.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if Format::of(&path) != Format::Toml {
        return Err(Failure::usage(format!(
            "`init` writes TOML, and `{}` would be read as something else: name a file that ends in .toml",
            path.display()
        )));
    }
    if path.symlink_metadata().is_ok() {
        return Err(exists(&path));
    }
    let text = match asked_for(roots)? {
        None => template(),
        Some((left, right)) => filled(&left, &right)?,
    };
    // The file may have come up meanwhile, and it is somebody's.
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(&path),
        _ => Failure::new(Exit::Usage, anyhow!(error).context(format!("cannot write `{}`", path.display()))),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        Failure::new(Exit::Internal, anyhow!(error).context(format!("cannot write `{}`", path.display())))
    })?;
    let document = InitReport { format: FORMAT, config: path.display().to_string() };
    super::print(context, &document, || show::written(&path, text.contains("left_root = ''")))?;
    Ok(Exit::Clean)
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!(
        "`{}` is there already and stays as it is: name another file with `--config FILE`",
        path.display()
    ))
}

/// The two folders: as typed, or as answered. None where nobody is there to answer.
fn asked_for(roots: &Roots) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    if let (Some(left), Some(right)) = (&roots.left, &roots.right) {
        return Ok(Some((left.clone(), right.clone())));
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let left = ask("The left folder: ")?;
    let right = ask("The right folder: ")?;
    Ok(left.zip(right))
}

fn ask(question: &str) -> Result<Option<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Internal, error);
    let mut stderr = io::stderr();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    let answer = answer.trim_end_matches(['\r', '\n']);
    Ok((!answer.is_empty()).then(|| answer.into()))
}

/// The folders as whole paths: the file may be moved, and a service has no working folder.
fn filled(left: &Path, right: &Path) -> Result<String, Failure> {
    let roots = Config::for_roots(left, right)?.roots;
    template_for(&roots.left, &roots.right).ok_or_else(|| {
        Failure::usage(
            "a folder's name is not Unicode, and a configuration is text: rename the folder, or give it through a \
             link with a plain name",
        )
    })
}
