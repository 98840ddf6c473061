//! The allocator of the static programs. What these plugins do most is to read many small texts, and with musl's own
//! allocator, which is made to be small and hard to attack, that takes half as long again.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
