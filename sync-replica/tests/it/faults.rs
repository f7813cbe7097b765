//! The fault model itself.
