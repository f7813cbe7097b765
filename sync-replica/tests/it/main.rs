//! The in-memory replica against the conformance suite, and against its own fault model.
