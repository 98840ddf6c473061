//! The allocator of the static programs. What these plugins do most is to read many small texts, some on a thread of
//! its own; musl's own allocator has one lock for all threads, which then costs more than the second core brings.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
