//! Whoever answers for an opened pair, and whose turn it is.
//!
//! Owns what is behind the handle of a session: a session of this program, which has the state for itself; or one that
//! runs already, which is asked, whatever becomes of it; or nobody, where only what is remembered is wanted. A call
//! takes it for itself and puts it back: who comes meanwhile is told that it is busy, also where it is the caller's own
//! function. What a call has panicked in is gone, and its handle says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_engine::config::Config;
use sync_engine::control::{Answer, Contact, Needs, Request};
use sync_engine::{SessionOptions, Watch as _};

use crate::attend::Shared;
use crate::guard::caught;
use crate::handles::{self, Held};
use crate::status::{Fault, Status};

/// Two folders and what is remembered of them, opened. Any thread may use it, one call at a time.
pub struct SessionHandle {
    seat: Mutex<Seat>,
    complaint: Mutex<String>,
}

impl Held for SessionHandle {
    const KIND: &'static str = "the handle of a session";
    fn complaint(&self) -> &Mutex<String> {
        &self.complaint
    }
}

enum Seat {
    Free(Box<Pair>),
    Taken,
    /// A call panicked.
    Broken,
}

/// An opened pair.
pub(crate) struct Pair {
    who: Who,
    /// What may be asked for at most.
    most: Needs,
}

enum Who {
    /// As long as the handle is open.
    Held(Contact),
    /// Anew for each call: in between, whoever wants the state gets it.
    EachTime(Box<(Config, SessionOptions)>),
}

impl Pair {
    /// Opens it. With `most` the records alone, no folder is looked at, and nothing is held between two calls.
    pub(crate) fn open(config: Config, options: SessionOptions, most: Needs) -> Result<Self, Fault> {
        let contact = Contact::open(&config, &options, most)?;
        let who = if most == Needs::Records {
            Who::EachTime(Box::new((config, options)))
        } else {
            Who::Held(contact)
        };
        Ok(Self { who, most })
    }

    /// Asks for something.
    pub(crate) fn ask(&self, request: &Request, caller: &Shared) -> Result<Answer, Fault> {
        let needs = request.needs();
        let allowed = match self.most {
            Needs::Records => matches!(needs, Needs::Records | Needs::Running),
            Needs::Looking => needs != Needs::Acting,
            _ => true,
        };
        if !allowed {
            let words = match self.most {
                Needs::Records => {
                    "this session was opened with BOTHWAYS_FLAG_RECORDS, and looks at no folder"
                }
                _ => "this session was opened with BOTHWAYS_FLAG_READ_ONLY, and changes nothing",
            };
            return Err(Fault::new(Status::Usage, words));
        }
        let opened;
        let contact = match &self.who {
            Who::Held(contact) => contact,
            Who::EachTime(pair) => {
                opened = Contact::open(&pair.0, &pair.1, needs)?;
                &opened
            }
        };
        let answer = contact.ask(request, caller);
        if matches!(request, Request::Sync { .. } | Request::SyncReviewed { .. }) {
            contact.finish(caller.is_cancelled());
        }
        Ok(answer?)
    }
}

impl SessionHandle {
    pub(crate) fn new(pair: Pair) -> Self {
        Self { seat: Mutex::new(Seat::Free(Box::new(pair))), complaint: Mutex::default() }
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Box<Pair>, Fault> {
        let mut seat = self.seat();
        match std::mem::replace(&mut *seat, Seat::Taken) {
            Seat::Free(pair) => Ok(pair),
            Seat::Taken => Err(Fault::new(Status::Busy, "another call on the session is under way")),
            Seat::Broken => {
                *seat = Seat::Broken;
                Err(Fault::new(Status::Panic, "an earlier call failed by a mistake of the library: close it"))
            }
        }
    }
}

/// A pair while a call has it.
pub(crate) struct Lease {
    handle: Arc<SessionHandle>,
    pair: Option<Box<Pair>>,
    is_broken: bool,
}

impl Lease {
    pub(crate) fn of(session: *mut SessionHandle) -> Result<Self, Fault> {
        let handle = handles::find::<SessionHandle>(session.addr())?;
        let pair = Some(handle.take()?);
        Ok(Self { handle, pair, is_broken: false })
    }

    /// Does something with it; where that panics, nobody does anything with it any more.
    pub(crate) fn run<T>(mut self, work: impl FnOnce(&Pair) -> Result<T, Fault>) -> Result<T, Fault> {
        let Some(pair) = self.pair.as_deref() else {
            return Err(Fault::new(Status::Internal, "no session"));
        };
        let done = caught(|| work(pair));
        self.is_broken = done.as_ref().is_err_and(|fault| fault.status == Status::Panic);
        done
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let back = match self.pair.take() {
            Some(pair) if !self.is_broken => Seat::Free(pair),
            broken => {
                // What is half done may not even be put away.
                let _ = caught(|| {
                    drop(broken);
                    Ok(())
                });
                Seat::Broken
            }
        };
        *self.handle.seat() = back;
    }
}

/// Closes the handle of a session that no call has, and gives its state back.
pub(crate) fn close(session: usize) -> Result<(), Fault> {
    let mut taken = None;
    let may = |held: &SessionHandle| match held.take() {
        Ok(pair) => {
            taken = Some(pair);
            Ok(())
        }
        Err(fault) if fault.status == Status::Panic => Ok(()),
        Err(fault) => Err(fault),
    };
    handles::close::<SessionHandle>(session, may)?;
    drop(taken);
    Ok(())
}
