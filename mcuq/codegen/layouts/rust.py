"""Rust: a -sys crate that compiles the C in its build script."""

from mcuq.codegen.layouts.layout import Layout

LAYOUT = Layout(
    "rust",
    "a Rust -sys crate",
    "csrc",
    "include",
    (
        ("rust/Cargo.toml.j2", "Cargo.toml"),
        ("rust/build.rs.j2", "build.rs"),
        ("rust/lib.rs.j2", "src/lib.rs"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
