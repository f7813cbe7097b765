//! Gives the shared library its name for the dynamic linker, so that a program keeps to the version it was built with.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The number changes when a program that was built before would no longer work.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libbothways.so.0");
    }
}
